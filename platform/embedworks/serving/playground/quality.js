// Quality against latency: the index's own questions at every size, asked live, one at a time.

import { call } from "./api.js";
import { byId, h, median, ms, quantile, sizeName } from "./dom.js";
import { drawPlot } from "./plot.js";
import { probe } from "./search.js";

const MEASURES = {
  ndcg: { title: "nDCG@10", of: ndcg },
  hit: { title: "hit@10", of: (ids, relevant) => Number(ids.some((id) => relevant.has(id))) },
};

/** Normalised discounted cumulative gain of the first ten, where a row is right or not. */
export function ndcg(ids, relevant) {
  const gain = (place) => 1 / Math.log2(place + 2);
  const found = ids.slice(0, 10).reduce((sum, id, place) => sum + (relevant.has(id) ? gain(place) : 0), 0);
  const most = Array.from({ length: Math.min(10, relevant.size) }, (_, place) => gain(place)).reduce((a, b) => a + b, 0);
  return most ? found / most : 0;
}

/** Mean of a measure, its 95 % interval by the normal approximation, and the middle half of the times. */
export function summary(answers, measure) {
  const scores = answers.map((one) => MEASURES[measure].of(one.ids, one.relevant));
  const times = answers.map((one) => one.milliseconds);
  const n = scores.length;
  const mean = scores.reduce((sum, one) => sum + one, 0) / n;
  const variance = scores.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, n - 1);
  return { n, mean, error: 1.96 * Math.sqrt(variance / n), time: median(times), low: quantile(times, 0.25), high: quantile(times, 0.75) };
}

/** @param {(choice: object) => void} onchoose - a point of the plot was chosen */
export function createQuality(onchoose) {
  const kept = new Map(); // index and version -> size -> answers
  let card = null;
  let chosen = [];
  let measure = "ndcg";
  let running = null;

  const start = h("button", { type: "button", class: "strong", onclick: () => (running ? running.abort() : run()) }, "Measure");
  const kinds = Object.entries(MEASURES).map(([name, { title }]) =>
    h("button", { type: "button", "aria-pressed": name === measure, onclick: (event) => choose(name, event.currentTarget) }, title),
  );
  const said = h("p", { class: "small", "aria-live": "polite" });
  const plot = h("div", { class: "plot" });
  const readout = h("p", { class: "readout", hidden: true });
  const table = h("details", { hidden: true });
  const tools = h("div", { class: "row tools" }, start, h("div", { class: "switch", role: "group", "aria-label": "Measure of quality" }, ...kinds));
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
    const own = card;
    const signal = (running = new AbortController()).signal;
    const answers = new Map(sizes().map((size) => [sizeName(size), []]));
    kept.set(name(), answers);
    start.textContent = "Stop";
    try {
      const { data: questions } = await call(`v1/indexes/${encodeURIComponent(own.id)}/questions`, { signal });
      for (const size of sizes()) await probe(questions[0].query, size, signal); // the first answer of a size is no measure
      await askAll(questions, sizes(), answers, signal, own);
    } catch (error) {
      if (error.name !== "AbortError") said.textContent = error.message;
    } finally {
      running = null;
      start.textContent = answers.values().next().value?.length ? "Measure again" : "Measure";
    }
  }

  /** Every question at every size before the next one, so that what else the machine does falls on all sizes alike. */
  async function askAll(questions, all, answers, signal, own) {
    for (const [number, question] of questions.entries()) {
      const relevant = new Set(question.relevant);
      for (let i = 0; i < all.length; i += 1) {
        const size = all[(i + number) % all.length];
        answers.get(sizeName(size)).push({ ...(await patient(() => probe(question.query, size, signal), signal)), relevant });
      }
      if (card !== own) return running?.abort();
      draw(`${number + 1} of ${questions.length} questions`);
    }
    draw();
  }

  function draw(progress = "") {
    if (!card) return;
    const answers = kept.get(name());
    const points = sizes().flatMap((size) => {
      const found = answers?.get(sizeName(size)) ?? [];
      return found.length ? [{ ...size, ...summary(found, measure) }] : [];
    });
    plot.replaceChildren(drawPlot(points, { title: MEASURES[measure].title, width: plot.clientWidth || 480, chosen, onchoose }));
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
    return `n = ${n} questions a size over ${card.rows.toLocaleString("en")} rows. Whiskers: 95 % interval of the mean, and the middle half of the times, which are the endpoint's own (embed and search). Sizes whose intervals overlap are not told apart by so few questions.`;
  }

  function fillTable(points) {
    const head = ["size", MEASURES[measure].title, "± 95 %", "median", "middle half", "n"];
    const rows = points.map((one) =>
      [sizeName(one), one.mean.toFixed(3), one.error.toFixed(3), ms(one.time), `${ms(one.low)} – ${ms(one.high)}`, one.n].map((cell, i) =>
        h(i ? "td" : "th", { scope: i ? null : "row", class: i ? "n" : null }, String(cell)),
      ),
    );
    table.replaceChildren(
      h("summary", null, "All sizes as a table"),
      h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Quality and time of all sizes" },
        h("table", null, h("thead", null, h("tr", null, ...head.map((one, i) => h("th", { scope: "col", class: i ? "n" : null }, one)))),
          h("tbody", null, ...rows.map((cells) => h("tr", null, ...cells))))),
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
  const most = points.reduce((best, one) => (one.layers * 1e6 + one.dimensions > best.layers * 1e6 + best.dimensions ? one : best), points[0]);
  return chosen.flatMap(({ side, layers, dimensions }) => {
    const one = points.find((point) => point.layers === layers && point.dimensions === dimensions);
    if (!one) return [];
    const share = (a, b) => `${Math.round((100 * a) / b)} %`;
    const against = one === most || !most.mean ? "" : `: ${share(one.mean, most.mean)} of the largest in ${share(one.time, most.time)} of its time`;
    const words = `${sizeName(one)} ${title} ${one.mean.toFixed(3)}, ${ms(one.time)}${against}`;
    return [h("span", null, h("span", { class: `side ${side}` }, side.toUpperCase()), words)];
  });
}

/** Where a quota is used up, wait as long as the endpoint says, and go on. */
async function patient(ask, signal) {
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (error.status !== 429) throw error;
      await new Promise((done) => setTimeout(done, 1000 * Math.min(60, error.retryAfter || 1)));
      signal.throwIfAborted();
    }
  }
}
