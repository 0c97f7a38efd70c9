// Two texts and how similar a model finds them.

import { call } from "./api.js";
import { byId, h, ms, quietly } from "./dom.js";

const FIRST = ["How do I sort a list?", "sorted() returns a new list in ascending order."];

/** @param {object[]} models - cards of /v1/models */
export function createPair(models) {
  const texts = models.filter((model) => model.embedworks.modalities.includes("text"));
  byId("pair").hidden = !texts.length;
  if (!texts.length) return;
  let running = null;
  const soon = quietly(run, 300);
  const field = (name, value) => {
    const id = `pair-${name}`;
    const input = h("textarea", { id, rows: 2, oninput: soon }, value);
    return [input, h("div", null, h("label", { for: id }, `Text ${name}`), input)];
  };
  const [left, leftBox] = field("1", FIRST[0]);
  const [right, rightBox] = field("2", FIRST[1]);
  const names = h(
    "select",
    { "aria-label": "Model", onchange: soon.now },
    ...texts.map((model) => h("option", null, model.id)),
  );
  const value = h("strong", { class: "value" }, "–");
  const fill = h("i", { class: "fill" });
  const said = h("p", { class: "small" });
  const result = h(
    "div",
    { class: "similar", role: "status" },
    value,
    h("i", { class: "track", "aria-hidden": true }, fill),
    said,
  );
  byId("pair-body").append(
    h("div", { class: "row" }, names),
    h("div", { class: "two-texts" }, leftBox, rightBox),
    result,
  );

  async function run() {
    running?.abort();
    const [a, b] = [left.value.trim(), right.value.trim()];
    if (!a || !b) return show(NaN, "Two texts are needed.");
    const { signal } = (running = new AbortController());
    const started = performance.now();
    try {
      const body = { model: names.value, left: [a], right: [b] };
      const answer = await call("v1/similarity", { body, signal });
      const [[score]] = answer.scores;
      const tokens = answer.usage.prompt_tokens;
      show(
        score,
        `${answer.similarity === "cosine" ? "cosine" : "dot product"}, ${tokens} tokens, ${ms(performance.now() - started)} round trip`,
      );
    } catch (error) {
      if (error.name !== "AbortError") show(NaN, error.message);
    }
  }

  function show(score, words) {
    value.textContent = Number.isFinite(score) ? score.toFixed(3) : "–";
    fill.style.setProperty("width", `${100 * Math.min(1, Math.max(0, score || 0))}%`);
    said.textContent = words;
  }

  run();
}
