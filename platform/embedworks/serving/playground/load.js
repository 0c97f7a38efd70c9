// The service's live load, from /metrics: numbers of the last seconds and a line for each model.

import { call } from "./api.js";
import { amount, byId, h, ms, s } from "./dom.js";
import { histogramQuantile, models, parse, rate, requests, total } from "./metrics.js";

const EVERY = 2000; // milliseconds between two readings
const KEPT = 60; // readings: two minutes
const RECENT = 5; // readings that rates are taken over
const TIMES = 15; // readings that quantiles are taken over
const SECONDS = "embedworks_request_seconds";

const TILES = [
  ["requests/s", (span) => amount(span.rate((reading) => requests(reading)))],
  ["tokens/s", (span) => amount(span.rate((reading) => total(reading, "embedworks_real_tokens_total")))],
  ["p50", (span) => ms(1000 * span.quantile(0.5))],
  ["p99", (span) => ms(1000 * span.quantile(0.99))],
  ["waiting", (span) => amount(total(span.last, "embedworks_waiting_inputs"))],
];

/** What the last readings say, of all models or of one. */
function spanOf(samples, wanted = {}) {
  const last = samples.at(-1);
  const back = (count) => samples[Math.max(0, samples.length - 1 - count)];
  return {
    last: last.reading,
    rate: (read) => rate(back(RECENT), last, read),
    quantile: (share) => histogramQuantile(back(TIMES).reading, last.reading, SECONDS, share, wanted),
  };
}

export function createLoad() {
  const samples = [];
  const values = TILES.map(() => h("dd", null, "–"));
  const tiles = h(
    "dl",
    { class: "tiles" },
    ...TILES.map(([name], i) => h("div", null, h("dt", null, name), values[i])),
  );
  const table = h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Load by model" });
  const note = h(
    "p",
    { class: "small" },
    "Whole endpoint, every two seconds: rates of the last 10 s, times of the last 30 s within the histogram's buckets. Lines are requests/s.",
  );
  byId("load-body").append(tiles, table, note);

  async function look() {
    if (document.hidden) return;
    try {
      const text = await call("metrics", { text: true, quiet: true });
      samples.push({ at: performance.now(), reading: parse(text) });
      if (samples.length > KEPT) samples.shift();
      draw();
    } catch (error) {
      note.textContent = error.status === 401 ? "The numbers need a key." : error.message;
    }
  }

  function draw() {
    const span = spanOf(samples);
    TILES.forEach(([, read], i) => (values[i].textContent = read(span)));
    const names = models(span.last);
    table.hidden = !names.length;
    table.replaceChildren(modelTable(names, samples));
    const pulse = byId("pulse");
    pulse.hidden = false;
    pulse.textContent = `${values[0].textContent} req/s · ${values[2].textContent}`;
  }

  look();
  setInterval(look, EVERY);
  document.addEventListener("visibilitychange", look);
}

function modelTable(names, samples) {
  const head = ["model", "last two minutes", "requests/s", "tokens/s", "p50", "p99", "waiting"];
  const rows = names.map((model) => {
    const span = spanOf(samples, { model });
    const cells = [
      amount(span.rate((reading) => requests(reading, { model }))),
      amount(span.rate((reading) => total(reading, "embedworks_real_tokens_total", { model }))),
      ms(1000 * span.quantile(0.5)),
      ms(1000 * span.quantile(0.99)),
      amount(total(span.last, "embedworks_waiting_inputs", { model })),
    ];
    return h(
      "tr",
      null,
      h("th", { scope: "row" }, model),
      h("td", null, spark(model, samples)),
      ...cells.map((cell) => h("td", { class: "n" }, cell)),
    );
  });
  return h(
    "table",
    null,
    h(
      "thead",
      null,
      h("tr", null, ...head.map((one, i) => h("th", { scope: "col", class: i > 1 ? "n" : null }, one))),
    ),
    h("tbody", null, ...rows),
  );
}

/** Requests a second between each reading and the one before, up to the highest of the line. */
function spark(model, samples) {
  const [width, height] = [150, 26];
  const rates = samples.slice(1).map((one, i) => rate(samples[i], one, (reading) => requests(reading, { model })));
  const most = Math.max(...rates, 1e-9);
  const x = (i) => width - (rates.length - 1 - i) * (width / (KEPT - 2));
  const y = (value) => height - 2 - ((height - 5) * value) / most;
  const line = rates.map((value, i) => `${i ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`).join("");
  const area = rates.length > 1 ? `${line}L${width} ${height - 1}L${x(0).toFixed(1)} ${height - 1}Z` : "";
  return s(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${width} ${height}`,
      width,
      height,
      role: "img",
      "aria-label": `Requests a second of ${model}, at most ${amount(most < 1e-6 ? 0 : most)}`,
    },
    s("line", { x1: 0, x2: width, y1: height - 1, y2: height - 1, class: "axis" }),
    area ? s("path", { d: area, class: "area" }) : null,
    rates.length > 1 ? s("path", { d: line, class: "curve" }) : null,
  );
}
