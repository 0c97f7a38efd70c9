// What moved between two rankings, as words, badges and lines.

import { h, s } from "./dom.js";

/** Text of a hit to {kind: "new"|"up"|"down"|"same", by}: how the hits of `after` stand against `before`. */
export function movesBetween(before, after) {
  const ranks = new Map(before.map((hit, place) => [hit.text, place]));
  return new Map(
    after.map((hit, place) => {
      if (!ranks.has(hit.text)) return [hit.text, { kind: "new", by: 0 }];
      const by = ranks.get(hit.text) - place;
      return [hit.text, { kind: by > 0 ? "up" : by < 0 ? "down" : "same", by: Math.abs(by) }];
    }),
  );
}

/** Hits of `before` that `after` does not have, in the same form. */
export function goneFrom(before, after) {
  const there = new Set(after.map((hit) => hit.text));
  return new Map(before.filter((hit) => !there.has(hit.text)).map((hit) => [hit.text, { kind: "gone", by: 0 }]));
}

const WORDS = {
  new: () => ["new", "not in list A"],
  gone: () => ["gone", "not in list B"],
  up: (by) => [`▲ ${by}`, `${by} higher than in list A`],
  down: (by) => [`▼ ${by}`, `${by} lower than in list A`],
  same: () => ["=", "at the same rank in both lists"],
};

export function moveBadge(move) {
  const [shown, said] = WORDS[move.kind](move.by);
  return h("span", { class: `move ${move.kind}`, title: said, "aria-label": said }, shown);
}

/** How alike two rankings are, in a sentence. */
export function agreement(a, b) {
  const moved = [...movesBetween(a, b).values()];
  const count = (kind) => moved.filter((move) => move.kind === kind).length;
  const shared = moved.length - count("new");
  const parts = [`${shared} of ${Math.max(a.length, b.length)} in both`];
  if (shared) parts.push(`${count("same")} at the same rank`, `${count("up")} rose`, `${count("down")} fell`);
  if (count("new")) parts.push(`${count("new")} new`);
  return parts.join(", ");
}

/** Lines between the places of the same hit in two lists, into an svg that stands between them. */
export function drawLines(gutter, listA, listB, hitsA, hitsB) {
  const box = gutter.getBoundingClientRect();
  const place = (item) => {
    const { top, height } = item.getBoundingClientRect();
    return top + Math.min(height / 2, 20) - box.top;
  };
  const ranks = new Map(hitsA.map((hit, rank) => [hit.text, rank]));
  gutter.setAttribute("viewBox", `0 0 ${box.width} ${box.height}`);
  gutter.replaceChildren(
    ...hitsB.flatMap((hit, rank) => {
      if (!ranks.has(hit.text)) return [];
      const from = ranks.get(hit.text);
      const [y1, y2] = [place(listA.children[from]), place(listB.children[rank])];
      const w = box.width;
      const kind = from > rank ? "up" : from < rank ? "down" : "same";
      const d = `M2 ${y1}C${w * 0.5} ${y1} ${w * 0.5} ${y2} ${w - 2} ${y2}`;
      return [s("path", { d, class: `line ${kind}`, "data-text": hit.text })];
    }),
  );
}
