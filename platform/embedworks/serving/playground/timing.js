// What a search took, and what is said of it.

import { h, ms } from "./dom.js";

/** A bar of the whole way and its parts in milliseconds. */
export function timing({ timing: { embed_ms: embed, search_ms: found }, round, hits, exact }) {
  const rest = Math.max(0, round - embed - found);
  const parts = [
    ["embed", embed],
    ["search", found],
    ["rest", rest],
  ];
  const bar = h(
    "span",
    { class: "way", "aria-hidden": true },
    ...parts.map(([name, value]) => {
      const part = h("i", { class: name });
      part.style.setProperty("flex-grow", String(value / (round || 1)));
      return part;
    }),
  );
  const words = [
    ["embed", embed],
    ["search", found],
    ["round trip", round],
  ];
  return [
    bar,
    ...words.map(([name, value]) => h("span", { class: name.split(" ")[0] }, h("b", null, name), ` ${ms(value)}`)),
    h("span", null, `${hits.length} hits${exact ? "" : ", approximate"}`),
  ];
}

/** How long both sides took. */
export function pace(a, b) {
  const [one, two] = [a, b].map(({ timing: { embed_ms: embed, search_ms: found } }) => embed + found);
  return `A took ${ms(one)}, B ${ms(two)} in the endpoint.`;
}

/** A sentence for those who do not see the list. */
export function said(found, compared) {
  if (!found) return "";
  if (found.error) return found.error.message;
  const best = found.hits[0];
  return `${found.hits.length} hits for ${found.query}. ${best ? `First: ${best.row.title ?? best.text.slice(0, 80)}.` : ""} ${compared}`;
}
