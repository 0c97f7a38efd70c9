// The map of an index: its rows in the plane, the hits of the query lit, a click reads a row and searches for it.

import { byId, h } from "./dom.js";
import { colourOf, mapOf } from "./groups.js";
import { drawMap, palette } from "./map-draw.js";
import { noteOf, writeLegend } from "./map-legend.js";
import { litBy, middle, placesOf } from "./map-places.js";
import { createView, STEP } from "./map-view.js";

const REACH = 14; // pixels from a point that still mean it

/** @param {(text: string) => void} onsearch - search for a row's text */
export function createMap(onsearch) {
  const canvas = h("canvas", { class: "map", tabindex: 0, role: "img" });
  const tip = h("div", { class: "tip", hidden: true });
  const card = h("div", { class: "card", hidden: true });
  const legend = h("p", { class: "legend" });
  const note = h("p", { class: "small" });
  const fault = h("p", { class: "hint", hidden: true });
  const view = createView(canvas, () => draw(), tap);
  const button = (label, said, onclick) =>
    h("button", { type: "button", "aria-label": said, title: said, onclick }, label);
  const zooms = h(
    "div",
    { class: "zooms" },
    button("+", "Zoom in", () => view.zoom(STEP)),
    button("−", "Zoom out", () => view.zoom(1 / STEP)),
    button("⤢", "Whole map", () => view.fit()),
  );
  const frame = h("div", { class: "frame" }, canvas, zooms, tip, card);
  byId("map-body").append(fault, frame, legend, note);

  let map = null;
  let scene = null;
  let shown = null; // the card of the index
  let look = palette();

  const blank = () => ({ lit: [], query: null, pointed: null });

  function draw() {
    if (!scene || !canvas.clientWidth) return;
    drawMap(canvas, { ...scene, toScreen: view.toScreen, scale: view.scale }, look);
  }

  /** Show the map of an index. */
  async function show(index) {
    if (shown?.id === index.id && shown.version === index.version) return;
    shown = index;
    byId("map").hidden = !index.map;
    if (!index.map) return;
    let found;
    try {
      found = await mapOf(index);
    } catch (error) {
      if (shown !== index) return;
      fault.textContent = error.message;
      fault.hidden = false;
      frame.hidden = true;
      shown = null;
      return;
    }
    if (shown !== index) return;
    fault.hidden = true;
    frame.hidden = false;
    map = found;
    scene = { ...blank(), places: placesOf(map), colours: map.group.map((one) => colourOf(map, one)) };
    card.hidden = true;
    canvas.setAttribute(
      "aria-label",
      `Map of ${map.id.length} rows of ${index.id}. Plus and minus zoom, arrows move.`,
    );
    canvas.dataset.points = map.id.length;
    writeLegend(legend, map, single);
    note.textContent = noteOf(map, index);
    view.fit();
    if (lastHits) hits(...lastHits);
  }

  function single(number) {
    scene.only = number;
    draw();
  }

  let lastHits = null;

  /** Light hits: those of `a` with their ranks, those that only `b` has with a ring. */
  function hits(a, b) {
    lastHits = [a, b];
    if (!scene || !map) return;
    const rows = (found, side) => (found?.card.id === shown?.id ? litBy(map, found.hits, side) : []);
    const ofA = rows(a, "a");
    const there = new Set(ofA.map((one) => one.place));
    scene.lit = [...ofA, ...rows(b, "b").filter((one) => !there.has(one.place))];
    scene.query = middle(ofA, scene.places);
    canvas.dataset.lit = scene.lit.length;
    draw();
  }

  /** Mark the row of a hit that is pointed at in the lists. */
  function point(hit) {
    if (!scene || !map) return;
    const id = hit?.ids.find((one) => map.rows.has(one));
    scene.pointed = id === undefined ? null : map.rows.get(id);
    draw();
  }

  function nearest(x, y) {
    let best = null;
    let least = REACH;
    scene?.places.forEach((place, i) => {
      if (scene.only !== undefined && scene.colours[i] !== scene.only) return;
      const [px, py] = view.toScreen(...place);
      const far = Math.hypot(px - x, py - y);
      if (far < least) [best, least] = [i, far];
    });
    return best;
  }

  canvas.addEventListener("pointermove", (event) => {
    if (!scene || view.isDragging() || event.pointerType === "touch") return void (tip.hidden = true);
    const box = canvas.getBoundingClientRect();
    hover(
      nearest(event.clientX - box.left, event.clientY - box.top),
      event.clientX - box.left,
      event.clientY - box.top,
    );
  });
  canvas.addEventListener("pointerleave", () => hover(null));

  function hover(place, x, y) {
    if (!scene) return;
    if (scene.pointed !== place) {
      scene.pointed = place;
      draw();
    }
    canvas.classList.toggle("over", place !== null);
    tip.hidden = place === null;
    if (place === null) return;
    tip.replaceChildren(...(map.group[place] ? [h("b", null, map.group[place])] : []), map.text[place] ?? "");
    tip.style.left = `${Math.max(4, Math.min(x + 12, canvas.clientWidth - tip.offsetWidth - 4))}px`;
    tip.style.top = `${y + 18 + tip.offsetHeight > canvas.clientHeight ? Math.max(4, y - tip.offsetHeight - 12) : y + 18}px`;
  }

  function tap(x, y) {
    const place = nearest(x, y);
    card.hidden = place === null;
    if (place === null) return;
    tip.hidden = true;
    const text = map.text[place] ?? "";
    const close = button("×", "Close", () => (card.hidden = true));
    const find = h("button", { type: "button", class: "strong", onclick: () => onsearch(text) }, "Search for this");
    card.replaceChildren(
      h("p", { class: "head" }, h("strong", null, map.group[place] ?? `row ${map.id[place]}`), close),
      h("p", null, text),
      find,
    );
    scene.pointed = place;
    draw();
  }

  /** Draw again in the colours of now. */
  function recolour() {
    look = palette();
    draw();
  }
  new ResizeObserver(draw).observe(canvas);
  return { show, hits, point, recolour };
}
