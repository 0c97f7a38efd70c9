// Draws the map on its canvas.

import { colour } from "./dom.js";

const NAMES = [
  "--g0",
  "--g1",
  "--g2",
  "--g3",
  "--g4",
  "--g5",
  "--g6",
  "--open",
  "--ink",
  "--panel",
  "--accent",
  "--other",
];

/** The colours of the theme of now. */
export function palette() {
  const found = Object.fromEntries(NAMES.map((name) => [name.slice(2), colour(name)]));
  return { ...found, groups: NAMES.slice(0, 7).map((name) => found[name.slice(2)]) };
}

function dot(pen, [x, y], radius) {
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.fill();
}

function ring(pen, [x, y], radius, stroke, width = 2) {
  pen.strokeStyle = stroke;
  pen.lineWidth = width;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 2 * Math.PI);
  pen.stroke();
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {object} scene - {places, colours: of each point, lit: [{place, rank, side}], query: place or null,
 *   pointed: place or null, only: colour or undefined, toScreen, scale}
 */
export function drawMap(canvas, scene, look) {
  const ratio = devicePixelRatio || 1;
  const [w, h] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(w * ratio)) canvas.width = Math.round(w * ratio);
  if (canvas.height !== Math.round(h * ratio)) canvas.height = Math.round(h * ratio);
  const pen = canvas.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, w, h);
  points(pen, scene, look);
  links(pen, scene, look);
  hits(pen, scene, look);
  if (scene.pointed !== null) ring(pen, scene.toScreen(...scene.places[scene.pointed]), 7, look.ink);
}

function points(pen, { places, colours, lit, only, toScreen, scale }, look) {
  const radius = Math.min(5.5, 2.3 + 0.5 * Math.sqrt(scale) + 150 / (places.length + 150));
  const quiet = lit.length > 0;
  places.forEach((place, i) => {
    const number = colours[i];
    pen.globalAlpha = only !== undefined && number !== only ? 0.08 : number === null ? 0.34 : quiet ? 0.6 : 0.85;
    pen.fillStyle = number === null ? look.open : look.groups[number];
    dot(pen, toScreen(...place), radius);
  });
  pen.globalAlpha = 1;
}

function links(pen, { places, lit, query, toScreen }, look) {
  if (!query) return;
  const [x, y] = toScreen(...query);
  for (const { place, side } of lit) {
    if (side !== "a") continue;
    pen.strokeStyle = look.ink;
    pen.globalAlpha = 0.35;
    pen.lineWidth = 1;
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(...toScreen(...places[place]));
    pen.stroke();
  }
  pen.globalAlpha = 1;
  pen.fillStyle = look.panel;
  pen.strokeStyle = look.ink;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.rect(x - 4.5, y - 4.5, 9, 9);
  pen.fill();
  pen.stroke();
}

/** A numbers its hits; what only B found has a ring in B's colour. */
function hits(pen, { places, lit, toScreen }, look) {
  for (const { place, rank, side } of [...lit].reverse()) {
    const at = toScreen(...places[place]);
    if (side === "b") {
      ring(pen, at, 7, look.other);
      continue;
    }
    pen.fillStyle = look.accent;
    dot(pen, at, 8.5);
    ring(pen, at, 8.5, look.panel, 1.5);
    pen.fillStyle = look.panel;
    pen.font = "600 10px system-ui, sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillText(String(rank), at[0], at[1] + 0.5);
  }
}
