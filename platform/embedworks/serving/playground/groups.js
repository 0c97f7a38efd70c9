// Which group has which colour: the largest seven of an index, the rest share one; map and hits agree.

import { call } from "./api.js";

const COLOURS = 7;
const maps = new Map(); // index and version -> promise of its map

/** The map of an index: {id, x, y, group, text, places}; fetched once a version. */
export function mapOf(card) {
  const name = `${card.id} ${card.version}`;
  if (!maps.has(name)) {
    const found = call(`v1/indexes/${encodeURIComponent(card.id)}/map`).then(ranked);
    found.catch(() => maps.delete(name));
    maps.set(name, found);
  }
  return maps.get(name);
}

function ranked(map) {
  const counts = new Map();
  for (const group of map.group) if (group) counts.set(group, (counts.get(group) ?? 0) + 1);
  const names = [...counts.keys()].sort((a, b) => counts.get(b) - counts.get(a) || (a < b ? -1 : 1));
  const colours = new Map(names.slice(0, COLOURS).map((name, place) => [name, place]));
  const rows = new Map(map.id.map((id, place) => [id, place]));
  return { ...map, colours, rows, others: names.length > COLOURS };
}

/** The number of a group's colour, or null where it shares that of the others. */
export const colourOf = (map, group) => map?.colours.get(group) ?? null;
