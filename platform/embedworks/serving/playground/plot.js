// A point for each size: quality upwards, time across, a line for each depth.

import { ms, s, sizeName } from "./dom.js";

const H = 310,
  LEFT = 46,
  RIGHT = 18,
  TOP = 20,
  BOTTOM = 42;

/** About `count` round values between two. */
export function ticks(low, high, count = 5) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough * 0.999);
  const first = Math.ceil(low / step - 1e-9);
  return Array.from({ length: Math.floor(high / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

const scale = (low, high, start, end) => (value) => start + ((end - start) * (value - low)) / (high - low || 1);

function ranges(points) {
  const lows = points.map((one) => one.mean - one.error);
  const highs = points.map((one) => one.mean + one.error);
  const [low, high] = points.length ? [Math.min(...lows), Math.max(...highs)] : [0, 1];
  const room = (high - low || 0.1) * 0.06;
  const time = points.length ? Math.max(...points.map((one) => one.high)) * 1.08 : 10;
  return { low: Math.max(0, low - room), high: Math.min(1.02, high + room), time };
}

/**
 * @param {object[]} points - {layers, dimensions, mean, error, time, low, high, n}
 * @param {object} how - {title, width: pixels, chosen: [{side, layers, dimensions}], onchoose}
 */
export function drawPlot(points, { title, width, chosen, onchoose }) {
  const range = ranges(points);
  const right = width - RIGHT;
  const across = scale(0, range.time, LEFT, right);
  const up = scale(range.low, range.high, H - BOTTOM, TOP);
  const depths = [...new Set(points.map((one) => one.layers))].sort((a, b) => b - a);
  const hue = (one) => depths.indexOf(one.layers) % 7;
  const label = `${title} against median time of ${points.length} sizes`;
  return s(
    "svg",
    { viewBox: `0 0 ${width} ${H}`, width, height: H, class: "quality", role: "group", "aria-label": label },
    ...axes(across, up, range, title, right),
    ...depths.map((depth) =>
      trace(
        points.filter((one) => one.layers === depth),
        across,
        up,
        hue,
      ),
    ),
    ...points.map((one) => whiskers(one, across, up, hue)),
    ...[...points]
      .sort((one, other) => marksOf(one, chosen).length - marksOf(other, chosen).length) // the chosen ones on top
      .map((one) => spot(one, across, up, hue, marksOf(one, chosen), onchoose)),
    ...names(points, across, up, chosen, right),
    points.length
      ? null
      : s("text", { x: (LEFT + right) / 2, y: H / 2 - 8, class: "middle tick" }, "not measured yet"),
  );
}

const marksOf = (one, chosen) =>
  chosen.filter((mark) => mark.layers === one.layers && mark.dimensions === one.dimensions).map((mark) => mark.side);

function axes(across, up, { low, high, time }, title, right) {
  const rows = ticks(low, high);
  const digits = rows.some((value) => Math.abs(value * 10 - Math.round(value * 10)) > 1e-6) ? 2 : 1;
  return [
    ...rows.flatMap((value) => [
      s("line", { x1: LEFT, x2: right, y1: up(value), y2: up(value), class: "grid" }),
      s("text", { x: LEFT - 8, y: up(value) + 4, class: "tick end" }, value.toFixed(digits)),
    ]),
    ...ticks(0, time).map((value) =>
      s("text", { x: across(value), y: H - BOTTOM + 17, class: "tick middle" }, String(+value.toPrecision(4))),
    ),
    s("line", { x1: LEFT, x2: right, y1: H - BOTTOM, y2: H - BOTTOM, class: "axis" }),
    s("text", { x: LEFT - 34, y: 11, class: "tick" }, title),
    s("text", { x: (LEFT + right) / 2, y: H - 6, class: "tick middle" }, "median milliseconds in the endpoint"),
  ];
}

function trace(points, across, up, hue) {
  const sorted = [...points].sort((a, b) => a.dimensions - b.dimensions);
  const d = sorted
    .map((one, i) => `${i ? "L" : "M"}${across(one.time).toFixed(1)} ${up(one.mean).toFixed(1)}`)
    .join("");
  return s("path", { d, class: `trace c${hue(sorted[0])}` });
}

function whiskers(one, across, up, hue) {
  const [x, y] = [across(one.time), up(one.mean)];
  const d = `M${x} ${up(one.mean - one.error)}V${up(Math.min(1, one.mean + one.error))}M${across(one.low)} ${y}H${across(one.high)}`;
  return s("path", { d, class: `whisker c${hue(one)}` });
}

function spot(one, across, up, hue, marks, onchoose) {
  const said = `${sizeName(one)}: ${one.mean.toFixed(3)} ± ${one.error.toFixed(3)}, ${ms(one.time)}, n ${one.n}`;
  const pick = () => onchoose({ layers: one.layers, dimensions: one.dimensions });
  const [x, y] = [across(one.time), up(one.mean)];
  return s(
    "g",
    {
      class: `spot c${hue(one)}${marks.length ? " chosen" : ""}`,
      "data-size": sizeName(one),
      role: "button",
      tabindex: 0,
      "aria-label": said,
      "aria-pressed": String(marks.length > 0),
      onclick: pick,
      onkeydown: (event) => (event.key === "Enter" || event.key === " ") && (event.preventDefault(), pick()),
    },
    s("title", null, said),
    s("circle", { cx: x, cy: y, r: 14, class: "reach" }),
    s("circle", { cx: x, cy: y, r: marks.length ? 6.5 : 4.5, class: "point" }),
    marks.length ? s("circle", { cx: x, cy: y, r: 10.5, class: `mark ${marks[0]}` }) : null,
  );
}

/** Names where there is room; the chosen sizes first, then the best. */
function names(points, across, up, chosen, right) {
  const taken = [];
  const rank = (one) => (marksOf(one, chosen).length ? 2 : 0) + one.mean;
  return [...points]
    .sort((a, b) => rank(b) - rank(a))
    .flatMap((one) => {
      const marks = marksOf(one, chosen);
      const words = `${marks.length ? `${marks.join(" ").toUpperCase()} ` : ""}${sizeName(one)}`;
      const wide = words.length * 6.6;
      const x = Math.min(right - wide, across(one.time) + 12);
      const y = up(one.mean) - 9;
      if (taken.some((other) => Math.abs(other.y - y) < 13 && x < other.x + other.wide && other.x < x + wide))
        return [];
      taken.push({ x, y, wide });
      return [s("text", { x, y, class: `name${marks.length ? " chosen" : ""}` }, words)];
    });
}
