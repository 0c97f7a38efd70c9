// The door: finds out what is served, and puts the parts together.

import { call } from "./api.js";
import { createCode } from "./code.js";
import { byId, h, quietly } from "./dom.js";
import { createKeyboard } from "./keyboard.js";
import { createKeys } from "./keys.js";
import { createLoad } from "./load.js";
import { createMap } from "./map.js";
import { createPair } from "./pair.js";
import { createQuality } from "./quality.js";
import { createResults } from "./results.js";
import { change, fromHash, nearestSize, state, subscribe } from "./state.js";
import { createThemes } from "./themes.js";

const EXAMPLES = 6;
const LONGEST = 64; // characters of an example
const AGAIN = 3000; // milliseconds until an endpoint that is away is asked again

let recolour = () => {};

function served(models, indexes) {
  const count = (list, one, many) => (list.length ? `${list.length} ${list.length === 1 ? one : many}` : "");
  const parts = [count(indexes, "index", "indexes"), count(models, "model", "models")].filter(Boolean);
  byId("served").textContent = parts.join(", ") || "nothing served";
}

function createSearch() {
  const input = byId("q");
  const soon = quietly(() => change({ q: input.value }), 60);
  input.addEventListener("input", soon);
  byId("search-form").addEventListener("submit", (event) => {
    event.preventDefault();
    change({ q: input.value }, { push: true });
  });
}

function ask(text) {
  change({ q: text }, { push: true });
  byId("q").focus({ preventScroll: true });
  byId("search").scrollIntoView({ block: "nearest" });
}

/** Short questions of the corpus, evenly from the list; the same ones each time. */
async function examples(card) {
  const chips = byId("chips");
  chips.replaceChildren();
  if (!card.questions) return change({ example: "" });
  const { data } = await call(`v1/indexes/${encodeURIComponent(card.id)}/questions`);
  if (state.a.index !== card.id) return;
  const short = [...new Set(data.map((one) => one.query))].filter((query) => query.length <= LONGEST);
  const questions = short.filter((query) => query.endsWith("?"));
  const from = questions.length >= EXAMPLES ? questions : short;
  const step = Math.max(1, Math.floor(from.length / EXAMPLES));
  const chosen = from.filter((_, i) => i % step === 0).slice(0, EXAMPLES);
  byId("q").placeholder = chosen[0] ?? "Ask the documentation";
  change({ example: chosen[0] ?? "" });
  chips.replaceChildren(
    ...chosen.map((text) => h("button", { type: "button", class: "chip", onclick: () => ask(text) }, text)),
  );
}

function createParts(cards) {
  const map = createMap(ask);
  recolour = map.recolour;
  const results = createResults(cards, {
    hits: map.hits,
    point: map.point,
    stale: (name) => stale(name).catch(() => {}),
  });
  const quality = createQuality((size) => change({ a: { index: state.a.index, ...size } }));
  const code = createCode();

  /** An index went over to another version: its card, sizes and map are others. */
  async function stale(name) {
    const card = await call(`v1/indexes/${encodeURIComponent(name)}`);
    cards.set(name, card);
    const again = (choice) =>
      choice?.index === name ? { index: name, ...nearestSize(card, choice.layers, choice.dimensions) } : choice;
    change({ a: again(state.a), b: again(state.b) });
  }

  function show(before, isDecided) {
    const card = cards.get(state.a.index);
    if (byId("q").value.trim() !== state.q.trim()) byId("q").value = state.q;
    document.title = state.q ? `${state.q} · embedworks` : "embedworks playground";
    results.update(isDecided || before.q === state.q);
    map.show(card);
    const sides = ["a", "b"].filter((side) => state[side]?.index === card.id);
    quality.show(
      card,
      sides.map((side) => ({ side, ...state[side] })),
    );
    code.update();
    if (before.a?.index !== card.id) examples(card).catch(() => {});
  }

  subscribe(show);
  document.addEventListener("endpoint", ({ detail }) => detail.isBack && results.retry());
  addEventListener("popstate", () => change(fromHash(cards)));
  createSearch();
  change(fromHash(cards));
}

/** Buttons at the foot of a phone's screen. */
function createThumbs() {
  const names = { search: "Search", map: "Map", quality: "Sizes", load: "Load", pair: "Pair" };
  const buttons = Object.entries(names).map(([id, name]) =>
    h("button", { type: "button", onclick: () => byId(id).scrollIntoView({ block: "start" }) }, name),
  );
  byId("thumbs").replaceChildren(...buttons.filter((_, i) => !byId(Object.keys(names)[i]).hidden));
}

/** Start anew as soon as there is an index. */
async function appear() {
  const { data } = await call("v1/indexes", { quiet: true }).catch(() => ({ data: [] }));
  if (data.length) location.reload();
}

function banner(text) {
  byId("banner").textContent = text;
  byId("banner").hidden = !text;
}

async function start() {
  try {
    const [models, indexes] = await Promise.all([call("v1/models"), call("v1/indexes")]);
    const cards = new Map(indexes.data.map((card) => [card.id, card]));
    served(models.data, indexes.data);
    banner("");
    byId("lower").hidden = false;
    byId("empty").hidden = cards.size > 0;
    byId("search").hidden = byId("columns").hidden = !cards.size;
    createPair(models.data);
    createLoad();
    if (cards.size) createParts(cards);
    else setInterval(appear, AGAIN);
    createThumbs();
    document.addEventListener("endpoint", ({ detail }) => {
      banner(detail.isUp ? "" : "The endpoint does not answer. Trying again.");
      byId("pulse").classList.toggle("away", !detail.isUp);
    });
  } catch (error) {
    banner(`${error.message}${error.status ? "" : " Trying again."}`);
    if (!error.status || error.status >= 500) setTimeout(start, AGAIN);
  }
  byId("loading").hidden = true;
  byId("main").setAttribute("aria-busy", "false");
}

createKeys();
createThemes(() => recolour());
createKeyboard();
start();
