// Prometheus' text format read, and rates and quantiles out of two readings.

const LINE = /^(embedworks_\w+)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;

/** Name of a metric to its series: [{labels, value}]. */
export function parse(text) {
  const found = new Map();
  for (const line of text.split("\n")) {
    const [, name, labels = "", value] = LINE.exec(line) ?? [];
    if (!name || name.endsWith("_created")) continue;
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({
      labels: Object.fromEntries([...labels.matchAll(LABEL)].map(([, key, one]) => [key, one])),
      value: Number(value),
    });
  }
  return found;
}

const agrees = (labels, wanted) => Object.entries(wanted).every(([name, value]) => labels[name] === value);

/** The sum of the series that have these labels. */
export function total(reading, name, wanted = {}) {
  return (reading.get(name) ?? []).reduce((sum, one) => (agrees(one.labels, wanted) ? sum + one.value : sum), 0);
}

/** Requests of tasks that were answered or refused: what asks for pages and metrics has no task. */
export function requests(reading, wanted = {}) {
  const found = reading.get("embedworks_requests_total") ?? [];
  return found.reduce((sum, one) => (one.labels.task && agrees(one.labels, wanted) ? sum + one.value : sum), 0);
}

/** A second's growth of a number between two samples {at: milliseconds, reading}; a restart counts as none. */
export function rate(before, after, read) {
  const seconds = (after.at - before.at) / 1000;
  return seconds > 0 ? Math.max(0, read(after.reading) - read(before.reading)) / seconds : 0;
}

/** What a histogram's buckets gained between two readings, as cumulative counts by bound; requests of tasks alone. */
function gained(before, after, name, wanted) {
  const counts = new Map();
  for (const [reading, sign] of [
    [after, 1],
    [before, -1],
  ]) {
    for (const { labels, value } of reading.get(`${name}_bucket`) ?? []) {
      if (!agrees(labels, wanted) || labels.task === "") continue;
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      counts.set(bound, (counts.get(bound) ?? 0) + sign * value);
    }
  }
  return [...counts].sort(([a], [b]) => a - b);
}

/** A quantile between two readings, within a bucket by proportion as Prometheus does; NaN of nothing. */
export function histogramQuantile(before, after, name, share, wanted = {}) {
  const buckets = gained(before, after, name, wanted);
  const all = buckets.at(-1)?.[1] ?? 0;
  if (all <= 0) return NaN;
  const place = buckets.findIndex(([, count]) => count >= share * all);
  const [bound, count] = buckets[place];
  const [low, under] = place ? buckets[place - 1] : [0, 0];
  if (bound === Infinity) return low;
  return low + ((bound - low) * (share * all - under)) / (count - under || 1);
}

/** Names of the models that the readings speak of. */
export function models(reading) {
  const found = (reading.get("embedworks_requests_total") ?? []).map((one) => one.labels.model).filter(Boolean);
  return [...new Set(found)].sort();
}
