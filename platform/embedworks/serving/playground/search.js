// One search, timed.

import { call } from "./api.js";

export const SHOWN = 10;
const ASKED = 30; // a passage that is in the corpus several times counts once in the list

/** The body of the request, as the snippets show it too. */
export function searchBody(query, choice, limit = SHOWN) {
  const { index, layers, dimensions } = choice;
  return { index, query, limit, layers, dimensions };
}

/**
 * Search; the milliseconds of the whole way are `round`.
 * @returns {Promise<{hits: object[], timing: object, round: number, exact: boolean}>}
 */
export async function search(query, choice, card, signal) {
  const started = performance.now();
  const answer = await call("v1/search", { body: searchBody(query, choice, ASKED), signal });
  const round = performance.now() - started;
  return { ...answer, round, hits: fold(answer.data[0].hits, card.text).slice(0, SHOWN) };
}

/** Hits with the same text become one, which knows how many rows have it. */
export function fold(hits, column) {
  const found = new Map();
  for (const hit of hits) {
    const text = String(hit.row[column] ?? hit.id);
    const known = found.get(text);
    if (known) known.ids.push(hit.id);
    else found.set(text, { ...hit, text, ids: [hit.id] });
  }
  return [...found.values()];
}

/** Ids of the best rows and the endpoint's own milliseconds, without the rows: for measuring. */
export async function probe(query, choice, signal) {
  const body = { ...searchBody(query, choice), columns: [] };
  const answer = await call("v1/search", { body, signal });
  const { embed_ms: embed, search_ms: found } = answer.timing;
  return { ids: answer.data[0].hits.map((hit) => hit.id), milliseconds: embed + found };
}
