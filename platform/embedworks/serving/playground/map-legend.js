// What the colours of the map mean; a click on one leaves its points alone on the ground.

import { h } from "./dom.js";

/**
 * @param {HTMLElement} legend - what is filled
 * @param {object} map - as mapOf() gives it
 * @param {(number: number|null|undefined) => void} onsingle - a colour, null for that of the others, undefined for all
 */
export function writeLegend(legend, map, onsingle) {
  function single(pressed, number) {
    const isOn = pressed.getAttribute("aria-pressed") === "true";
    for (const one of legend.children) one.setAttribute("aria-pressed", String(one === pressed && !isOn));
    onsingle(isOn ? undefined : number);
  }

  function entry(name, number) {
    const kind = number === null ? "k-others" : `k${number}`;
    const onclick = (event) => single(event.currentTarget, number);
    return h("button", { type: "button", class: kind, "aria-pressed": false, onclick }, name);
  }

  const names = [...map.colours.keys()];
  legend.hidden = !names.length;
  legend.replaceChildren(...names.map(entry), ...(map.others ? [entry("others", null)] : []));
}

/** What the map shows, and how far it can be trusted. */
export function noteOf(map, card) {
  const count = (number) => number.toLocaleString("en");
  const part = map.id.length < card.rows ? `${count(map.id.length)} of ${count(card.rows)} rows` : "All rows";
  const how = "at the full size, flattened to two dimensions: near means alike, far means little.";
  return `${part} ${how} The square is the query, between its hits.`;
}
