// Quality against latency: the index's own questions at every size, asked live, one at a time.

import { call } from "./api.js";
import { byId, h, ms, sizeName } from "./dom.js";
import { askAll, MEASURES, summary } from "./measure.js";
import { drawPlot } from "./plot.js";

/** @param {(choice: object) => void} onchoose - a point of the plot was chosen */
export function createQuality(onchoose) {
  const kept = new Map(); // index and version -> size -> answers
  let card = null;
  let chosen = [];
  let measure = "ndcg";
  let running = null;

  const start = h(
    "button",
    { type: "button", class: "strong", onclick: () => (running ? running.abort() : run()) },
    "Measure",
  );
  const kinds = Object.entries(MEASURES).map(([name, { title }]) =>
    h(
      "button",
      { type: "button", "aria-pressed": name === measure, onclick: (event) => choose(name, event.currentTarget) },
      title,
    ),
  );
  const said = h("p", { class: "small", "aria-live": "polite" });
  const plot = h("div", { class: "plot" });
  const readout = h("p", { class: "readout", hidden: true });
  const table = h("details", { hidden: true });
  const tools = h(
    "div",
    { class: "row tools" },
    start,
    h("div", { class: "switch", role: "group", "aria-label": "Measure of quality" }, ...kinds),
  );
  byId("quality-body").append(tools, plot, readout, said, table);
  new ResizeObserver(() => running || draw()).observe(plot);

  const sizes = () => card.sizes.map(([layers, dimensions]) => ({ index: card.id, layers, dimensions }));
  const name = () => `${card.id} ${card.version}`;

  function choose(next, pressed) {
    measure = next;
    for (const one of kinds) one.setAttribute("aria-pressed", String(one === pressed));
    draw();
  }

  async function run() {
    const signal = (running = new AbortController()).signal;
    const answers = new Map(sizes().map((size) => [sizeName(size), []]));
    kept.set(name(), answers);
    start.textContent = "Stop";
    try {
      const { data: questions } = await call(`v1/indexes/${encodeURIComponent(card.id)}/questions`, { signal });
      await askAll(questions, sizes(), answers, (count) => draw(`${count} of ${questions.length} questions`), signal);
      draw();
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = error.message;
    } finally {
      running = null;
      start.textContent = kept.has(name()) ? "Measure again" : "Measure";
    }
  }

  function draw(progress = "") {
    if (!card) return;
    const answers = kept.get(name());
    const points = sizes().flatMap((size) => {
      const found = answers?.get(sizeName(size)) ?? [];
      return found.length ? [{ ...size, ...summary(found, measure) }] : [];
    });
    plot.replaceChildren(
      drawPlot(points, { title: MEASURES[measure].title, width: plot.clientWidth || 480, chosen, onchoose }),
    );
    readout.hidden = table.hidden = !points.length;
    readout.replaceChildren(...read(points, chosen, MEASURES[measure].title));
    if (points.length) fillTable(points);
    said.textContent = progress || note(points);
  }

  function note(points) {
    if (!card.questions) {
      return "This index has no held-out questions. `embedworks embed --questions COLUMN` keeps some of a corpus that has queries.";
    }
    const all = `${card.questions} held-out questions at ${card.sizes.length === 1 ? "its size" : `${card.sizes.length} sizes`}`;
    if (!points.length) return `Asks ${all}, one at a time, and sets how well against how long.`;
    const n = points[0].n;
    const what = `n = ${n} questions a size over ${card.rows.toLocaleString("en")} rows.`;
    const whiskers = "Whiskers: 95 % interval of the mean, and the middle half of the times in the endpoint.";
    return `${what} ${whiskers} Sizes whose intervals overlap are not told apart by so few questions.`;
  }

  function fillTable(points) {
    const head = ["size", MEASURES[measure].title, "± 95 %", "median", "middle half", "n"];
    const rows = points.map((one) =>
      [
        sizeName(one),
        one.mean.toFixed(3),
        one.error.toFixed(3),
        ms(one.time),
        `${ms(one.low)} – ${ms(one.high)}`,
        one.n,
      ].map((cell, i) => h(i ? "td" : "th", { scope: i ? null : "row", class: i ? "n" : null }, String(cell))),
    );
    table.replaceChildren(
      h("summary", null, "All sizes as a table"),
      h(
        "div",
        { class: "scroll", tabindex: 0, role: "region", "aria-label": "Quality and time of all sizes" },
        h(
          "table",
          null,
          h(
            "thead",
            null,
            h("tr", null, ...head.map((one, i) => h("th", { scope: "col", class: i ? "n" : null }, one))),
          ),
          h("tbody", null, ...rows.map((cells) => h("tr", null, ...cells))),
        ),
      ),
    );
  }

  /** Show an index, with the sizes that are chosen marked: [{side, layers, dimensions}]. */
  function show(index, marks) {
    const isOther = card !== index;
    if (isOther) running?.abort();
    card = index;
    chosen = marks;
    start.disabled = !card.questions;
    if (!running) start.textContent = kept.has(name()) ? "Measure again" : "Measure";
    if (!running || isOther) draw();
    else draw(said.textContent);
  }

  return { show };
}

/** The chosen sizes in words, against the largest. */
function read(points, chosen, title) {
  const most = points.reduce(
    (best, one) => (one.layers * 1e6 + one.dimensions > best.layers * 1e6 + best.dimensions ? one : best),
    points[0],
  );
  return chosen.flatMap(({ side, layers, dimensions }) => {
    const one = points.find((point) => point.layers === layers && point.dimensions === dimensions);
    if (!one) return [];
    const share = (a, b) => `${Math.round((100 * a) / b)} %`;
    const against =
      one === most || !most.mean
        ? ""
        : `: ${share(one.mean, most.mean)} of the largest in ${share(one.time, most.time)} of its time`;
    const words = `${sizeName(one)} ${title} ${one.mean.toFixed(3)}, ${ms(one.time)}${against}`;
    return [h("span", null, h("span", { class: `side ${side}` }, side.toUpperCase()), words)];
  });
}
