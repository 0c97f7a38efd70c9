// A list of hits.

import { h } from "./dom.js";
import { colourOf } from "./groups.js";
import { moveBadge } from "./moves.js";
import { marked } from "./words.js";

const TITLES = ["title", "name", "heading", "subject"];

/**
 * The list; an open hit shows its whole text.
 * @param {object[]} hits - as search() folds them
 * @param {object} view - {card, map, wanted: stems of the query, moves: text to move, or null, onpoint, best}
 */
export function hitList(hits, view) {
  const list = h("ol", { class: "hits" }, ...hits.map((hit, place) => hitItem(hit, place, view)));
  if (list.firstChild) list.firstChild.tabIndex = 0;
  return list;
}

function hitItem(hit, place, view) {
  const { card, map, wanted, moves, onpoint } = view;
  const title = TITLES.map((name) => hit.row[name]).find(Boolean);
  const group = card.group ? hit.row[card.group] : null;
  const number = colourOf(map, group);
  const head = h(
    "p",
    { class: "head" },
    ...titled(title, wanted),
    group ? h("span", { class: `group ${number === null ? "k-others" : `k${number}`}` }, String(group)) : null,
    hit.ids.length > 1
      ? h("span", { class: "copies", title: `rows ${hit.ids.join(", ")}` }, `${hit.ids.length} rows`)
      : null,
  );
  const item = h(
    "li",
    {
      class: "hit",
      tabindex: -1,
      "data-id": hit.id,
      onclick: () => getSelection().isCollapsed && item.classList.toggle("open"),
      onkeydown: (event) => event.key === "Enter" && event.target === item && item.classList.toggle("open"),
      onpointerenter: () => onpoint(hit),
      onpointerleave: () => onpoint(null),
      onfocus: () => onpoint(hit),
      onblur: () => onpoint(null),
    },
    h("span", { class: "rank", "aria-label": `Rank ${place + 1}` }, String(place + 1)),
    scoreBar(hit.score, view),
    h(
      "div",
      { class: "what" },
      head,
      h("p", { class: "text" }, ...marked(hit.text, wanted)),
      facts(hit, card, title),
    ),
    moves?.has(hit.text) ? moveBadge(moves.get(hit.text)) : null,
  );
  return item;
}

/** A title; of one that leads down from heading to heading the last is strong. */
function titled(title, wanted) {
  if (!title) return [];
  const parts = String(title).split(" > ");
  const last = h("strong", null, ...marked(parts.pop(), wanted));
  return parts.length ? [last, h("span", { class: "crumbs", title }, ...marked(parts.join(" › "), wanted))] : [last];
}

/** Columns that are neither title, text nor group; shown where the hit is open. */
function facts(hit, card, title) {
  const rest = Object.entries(hit.row).filter(
    ([name, value]) => name !== card.text && name !== card.group && value !== title && value !== null && value !== "",
  );
  const all = [["row", hit.ids.join(", ")], ...rest];
  return h("p", { class: "facts" }, ...all.map(([name, value]) => h("span", null, h("b", null, name), ` ${value}`)));
}

/** A cosine's bar is its value; another score's its share of the best one. */
function scoreBar(score, { card, best }) {
  const share = card.similarity === "cosine" ? score : best > 0 ? score / best : 0;
  const bar = h("i", { class: "fill" });
  bar.style.setProperty("width", `${100 * Math.min(1, Math.max(0, share))}%`);
  return h(
    "span",
    { class: "score" },
    h("span", { "aria-label": `Score ${score.toFixed(3)}` }, score.toFixed(3)),
    h("i", { class: "track", "aria-hidden": true }, bar),
  );
}
