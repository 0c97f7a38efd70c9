// One choice of index and size: a list of indexes and two sliders that stop at the sizes there are.

import { h } from "./dom.js";
import { nearestSize } from "./state.js";

const ascending = (values) => [...new Set(values)].sort((a, b) => a - b);

function slider(side, name, what, onstep) {
  const input = h("input", { type: "range", min: 0, step: 1, id: `${name}-${side}`, oninput: onstep });
  const output = h("output", { for: input.id });
  const stops = h("span", { class: "stops", "aria-hidden": true });
  const box = h("div", { class: "slider" }, h("label", { for: input.id }, what, output), input, stops);
  const show = (values, value) => {
    const at = values.indexOf(value);
    const last = values.length - 1;
    input.max = Math.max(last, 0);
    input.value = at;
    input.disabled = last < 1;
    input.setAttribute("aria-valuetext", `${value} ${what}`);
    input.style.setProperty("--at", `${last ? (100 * at) / last : 100}%`);
    output.textContent = value;
    stops.replaceChildren(
      ...(last ? values : []).map((one) => h("i", { class: one === value ? "on" : null }, String(one))),
    );
  };
  return { box, input, show };
}

/**
 * The controls of one side.
 * @param {"a"|"b"} side
 * @param {Map<string, object>} cards - name to index card
 * @param {(choice: object) => void} onchoice - hears of every change by hand
 * @param {HTMLElement[]} extra - buttons at the end
 */
export function createChoice(side, cards, onchoice, extra = []) {
  let chosen = null;
  let layers = [];
  let dimensions = [];
  const card = () => cards.get(chosen.index);
  const letter = side.toUpperCase();
  const names = h(
    "select",
    {
      id: `index-${side}`,
      "aria-label": `Index ${letter}`,
      onchange: () => {
        const other = cards.get(names.value);
        onchoice({ index: other.id, ...nearestSize(other, chosen.layers, chosen.dimensions) });
      },
    },
    [...cards.keys()].map((name) => h("option", { value: name }, name)),
  );
  const depth = slider(side, "layers", "layers", () => step(layers[depth.input.value], chosen.dimensions));
  const width = slider(side, "dimensions", "dimensions", () => step(chosen.layers, dimensions[width.input.value]));
  const about = h("p", { class: "about" });

  function step(wantedLayers, wantedDimensions) {
    onchoice({ index: chosen.index, ...nearestSize(card(), wantedLayers, wantedDimensions) });
  }

  /** Show a choice; `alone` hides the letter that tells two sides apart. */
  function show(choice, alone) {
    chosen = choice;
    layers = ascending(card().sizes.map(([l]) => l));
    dimensions = ascending(
      card()
        .sizes.filter(([l]) => l === choice.layers)
        .map(([, d]) => d),
    );
    names.value = choice.index;
    depth.show(layers, choice.layers);
    width.show(dimensions, choice.dimensions);
    badge.hidden = alone;
    about.textContent = described(card());
    about.title = `version ${card().version}`;
  }

  const badge = h("span", { class: `side ${side}`, "aria-hidden": true }, letter);
  const root = h(
    "div",
    { class: "choice", role: "group", "aria-label": `Choice ${letter}` },
    h("div", { class: "row" }, badge, names, about, ...extra),
    h("div", { class: "sliders" }, depth.box, width.box),
  );
  return { root, show };
}

function described(card) {
  const how = card.kind === "exact" ? "exact" : card.kind.replaceAll("_", " ").toUpperCase();
  const recall = card.recall ? `, recall ${card.recall.toFixed(3)}` : "";
  const model = card.asked.replace(/^.*\/(?=[^/]+\/[^/]+$)/, "");
  return `${card.rows.toLocaleString("en")} rows by ${model}, ${how}${recall}`;
}
