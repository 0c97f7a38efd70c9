// Which words of a hit the query has too: a help for the eye, no part of the search.

import { h } from "./dom.js";

const COMMON = new Set(
  `a an and are as at be by can do does for from has have how i if in into is it its of on or say says that the their
   this to was what when where which who why will with you your about not`.split(/\s+/),
);
const WORD = /[\p{L}\p{N}_]+/gu;

/** A word without the endings of English: sorting, sorted and sorts are one. */
export function stem(word) {
  const low = word.toLowerCase();
  if (low.length < 5) return low.replace(/s$/, (end) => (low.length > 3 ? "" : end));
  return low.replace(/(?:ations?|ings?|ed|es|s|e)$/, "");
}

/** The stems of a query that say something. */
export function stems(query) {
  const words = query.match(WORD) ?? [];
  return new Set(words.filter((word) => word.length > 1 && !COMMON.has(word.toLowerCase())).map(stem));
}

/** A text as nodes, the words that share a stem with the query marked. */
export function marked(text, wanted) {
  const parts = [];
  let end = 0;
  for (const { 0: word, index } of text.matchAll(WORD)) {
    if (!wanted.has(stem(word))) continue;
    parts.push(text.slice(end, index), h("mark", null, word));
    end = index + word.length;
  }
  return [...parts, text.slice(end)];
}
