// What is asked, kept in the address: #q=how+to+sort&a=docs:6x384&b=docs:2x96

const listeners = [];

/**
 * `a` is what is searched, `b` what it is compared with, or null: {index, layers, dimensions}. `example` is a question
 * of the corpus that is shown as long as nothing is typed; it is no part of the address.
 */
export const state = { q: "", a: null, b: null, example: "" };

/** What is searched for. */
export const query = () => state.q.trim() || state.example;

export const subscribe = (listener) => listeners.push(listener);

const written = (choice) => `${choice.index}:${choice.layers}x${choice.dimensions}`;

function toHash() {
  const fields = new URLSearchParams();
  if (state.q) fields.set("q", state.q);
  if (state.a) fields.set("a", written(state.a));
  if (state.b) fields.set("b", written(state.b));
  return `#${fields}`;
}

/** Change some of it; `push` makes a step that the browser's Back undoes, and is of a decision, not of typing. */
export function change(patch, { push = false } = {}) {
  const before = { ...state };
  Object.assign(state, patch);
  const hash = toHash();
  if (hash !== location.hash) history[push ? "pushState" : "replaceState"](null, "", hash);
  for (const listener of listeners) listener(before, push);
}

/** The nearest stored size to a wish; without one, the largest. */
export function nearestSize(card, layers = Infinity, dimensions = Infinity) {
  const off = ([l, d]) => Math.abs(Math.min(layers, 1e6) - l) * 1e6 + Math.abs(Math.min(dimensions, 1e5) - d);
  const [l, d] = card.sizes.reduce((best, one) => (off(one) < off(best) ? one : best));
  return { layers: l, dimensions: d };
}

function read(text, cards) {
  if (!text) return null;
  const end = text.lastIndexOf(":");
  const card = cards.get(end < 0 ? text : text.slice(0, end));
  if (!card) return null;
  const [layers, dimensions] = text
    .slice(end + 1)
    .split("x")
    .map((part) => parseInt(part, 10) || Infinity);
  return { index: card.id, ...nearestSize(card, layers, dimensions) };
}

/** The state that the address describes; what it does not say, or says wrongly, is the first index at its largest. */
export function fromHash(cards) {
  const fields = new URLSearchParams(location.hash.slice(1));
  const first = cards.values().next().value;
  const whole = first ? { index: first.id, ...nearestSize(first) } : null;
  return {
    q: fields.get("q") ?? "",
    a: read(fields.get("a"), cards) ?? whole,
    b: read(fields.get("b"), cards),
  };
}
