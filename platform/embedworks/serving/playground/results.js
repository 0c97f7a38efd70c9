// The lists of hits: one, or two side by side with what moved between them.

import { createChoice } from "./choice.js";
import { byId, h, quietly, s } from "./dom.js";
import { mapOf } from "./groups.js";
import { hitList } from "./hits.js";
import { agreement, drawLines, goneFrom, movesBetween } from "./moves.js";
import { search } from "./search.js";
import { change, nearestSize, query, state } from "./state.js";
import { pace, said, timing } from "./timing.js";
import { stems } from "./words.js";

/**
 * @param {Map<string, object>} cards - name to index card
 * @param {object} on - {hits(a, b): both lists or null, point(hit or null), stale(name): another version answers}
 */
export function createResults(cards, on) {
  const root = byId("lists");
  const compare = h("button", { type: "button", class: "compare", onclick: beginCompare }, "Compare");
  const close = h("button", { type: "button", onclick: () => change({ b: null }, { push: true }) }, "Close");
  const swap = h(
    "button",
    { type: "button", title: "Swap A and B", onclick: () => change({ a: state.b, b: state.a }) },
    "Swap",
  );
  const sides = {
    a: createSide("a", [compare]),
    b: createSide("b", [swap, close]),
  };
  const gutter = s("svg", { class: "gutter", "aria-hidden": true });
  const verdict = h("p", { class: "verdict" });
  const tabs = createTabs(root);
  root.append(tabs, verdict, sides.a.root, gutter, sides.b.root);
  new ResizeObserver(() => join()).observe(sides.a.root);
  new ResizeObserver(() => join()).observe(sides.b.root);

  function createSide(name, extra) {
    const choice = createChoice(name, cards, (chosen) => change({ [name]: chosen }), extra);
    const timing = h("div", { class: "timing" });
    const body = h("div", { class: "body" });
    return {
      name,
      choice,
      timing,
      body,
      root: h("div", { class: `list ${name}` }, choice.root, timing, body),
      found: null,
      running: null,
      asked: "",
    };
  }

  function beginCompare() {
    const card = cards.get(state.a.index);
    const other = [...cards.values()].find((one) => one.id !== card.id) ?? card;
    const least =
      card.sizes.length > 1 ? card.sizes.reduce((l, one) => (one[0] * one[1] < l[0] * l[1] ? one : l)) : null;
    const b = least
      ? { index: card.id, layers: least[0], dimensions: least[1] }
      : { index: other.id, ...nearestSize(other) };
    change({ b }, { push: true });
  }

  async function run(side) {
    side.running?.abort();
    const choice = state[side.name];
    const words = query();
    const asked = askedOf(choice, words);
    side.asked = asked;
    if (!asked) {
      side.found = null;
      return render();
    }
    const running = (side.running = new AbortController());
    side.root.classList.add("waiting");
    const card = cards.get(choice.index);
    try {
      const found = await search(words, choice, card, running.signal);
      const map = card.map ? await mapOf(card).catch(() => null) : null;
      if (side.asked === asked) side.found = { ...found, card, map, choice, query: words };
      if (found.version !== card.version) on.stale(card.id);
    } catch (error) {
      if (error.name === "AbortError") return;
      if (side.asked === asked) side.found = { error, hits: [], card, choice, query: words };
    }
    if (side.asked !== asked) return;
    side.root.classList.remove("waiting");
    render();
  }

  function render() {
    const [a, b] = [sides.a.found, state.b ? sides.b.found : null];
    const both = a?.hits.length && b?.hits.length && a.query === b.query;
    draw(sides.a, both ? goneFrom(a.hits, b.hits) : null);
    if (state.b) draw(sides.b, both ? movesBetween(a.hits, b.hits) : null);
    verdict.hidden = !both;
    verdict.textContent = both ? `${agreement(a.hits, b.hits)}. ${pace(a, b)}` : "";
    byId("said").textContent = said(a, both ? verdict.textContent : "");
    on.hits(a, b);
    join();
  }

  function draw(side, moves) {
    const { found } = side;
    if (!found) {
      side.timing.replaceChildren();
      side.body.replaceChildren(h("p", { class: "hint" }, "Type a question, or take one from above."));
    } else if (found.error) {
      side.timing.replaceChildren();
      const again = h("button", { type: "button", onclick: () => run(side) }, "Try again");
      side.body.replaceChildren(
        h("div", { class: "fault", role: "alert" }, h("p", null, found.error.message), again),
      );
    } else {
      const view = { ...found, wanted: stems(found.query), moves, onpoint: point, best: found.hits[0]?.score ?? 0 };
      side.timing.replaceChildren(...timing(found));
      side.body.replaceChildren(
        found.hits.length ? hitList(found.hits, view) : h("p", { class: "hint" }, "Nothing was found."),
      );
    }
  }

  function point(hit) {
    for (const line of gutter.children) line.classList.toggle("on", line.dataset.text === hit?.text);
    on.point(hit);
  }

  function join() {
    const lists = [sides.a, sides.b].map((side) => side.body.querySelector(".hits"));
    if (state.b && sides.a.found?.query === sides.b.found?.query && lists[0] && lists[1]) {
      drawLines(gutter, ...lists, sides.a.found.hits, sides.b.found.hits);
    } else gutter.replaceChildren();
  }

  const soon = { a: quietly(() => run(sides.a), 140), b: quietly(() => run(sides.b), 140) };

  /** Show what the state says; `now` searches at once, otherwise after a pause in typing. */
  function update(now) {
    byId("columns").classList.toggle("two", Boolean(state.b));
    compare.hidden = Boolean(state.b);
    tabs.hidden = sides.b.root.hidden = !state.b;
    for (const side of Object.values(sides)) {
      const choice = state[side.name];
      if (choice) side.choice.show(choice, !state.b);
      if (askedOf(choice, query()) !== side.asked) now ? soon[side.name].now() : soon[side.name]();
    }
    if (!state.b) render();
  }

  /** Search again what the endpoint, which was away, did not answer. */
  function retry() {
    for (const side of Object.values(sides)) if (side.found?.error?.status === 0) run(side);
  }

  return { update, retry };
}

/** On a phone one list is shown at a time. */
function createTabs(root) {
  const buttons = ["a", "b"].map((name) =>
    h(
      "button",
      { type: "button", "aria-pressed": name === "a", onclick: () => show(name) },
      `List ${name.toUpperCase()}`,
    ),
  );
  const show = (name) => {
    root.dataset.shown = name;
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", "ab"[place] === name));
  };
  root.dataset.shown = "a";
  return h("div", { class: "tabs", role: "group", "aria-label": "List shown" }, ...buttons);
}

/** What tells one search from another; empty for none. */
const askedOf = (choice, words) => (choice && words ? JSON.stringify([words, choice]) : "");
