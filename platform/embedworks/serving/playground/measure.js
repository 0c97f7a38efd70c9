// Measuring sizes: the index's own questions, asked one at a time, and what their answers say.

import { median, quantile, sizeName } from "./dom.js";
import { probe } from "./search.js";

export const MEASURES = {
  ndcg: { title: "nDCG@10", of: ndcg },
  hit: { title: "hit@10", of: (ids, relevant) => Number(ids.some((id) => relevant.has(id))) },
};

/** Normalised discounted cumulative gain of the first ten, where a row is right or not. */
export function ndcg(ids, relevant) {
  const gain = (place) => 1 / Math.log2(place + 2);
  const found = ids.slice(0, 10).reduce((sum, id, place) => sum + (relevant.has(id) ? gain(place) : 0), 0);
  const most = Array.from({ length: Math.min(10, relevant.size) }, (_, place) => gain(place)).reduce(
    (a, b) => a + b,
    0,
  );
  return most ? found / most : 0;
}

/** Mean of a measure, its 95 % interval by the normal approximation, and the middle half of the times. */
export function summary(answers, measure) {
  const scores = answers.map((one) => MEASURES[measure].of(one.ids, one.relevant));
  const times = answers.map((one) => one.milliseconds);
  const n = scores.length;
  const mean = scores.reduce((sum, one) => sum + one, 0) / n;
  const variance = scores.reduce((sum, one) => sum + (one - mean) ** 2, 0) / Math.max(1, n - 1);
  return {
    n,
    mean,
    error: 1.96 * Math.sqrt(variance / n),
    time: median(times),
    low: quantile(times, 0.25),
    high: quantile(times, 0.75),
  };
}

/**
 * Ask every question at every size before the next one, so that what else the machine does falls on all sizes alike.
 * @param {object[]} questions - {query, relevant}
 * @param {object[]} sizes - choices: {index, layers, dimensions}
 * @param {(number: number) => void} onasked - hears how many questions were asked
 * @param {AbortSignal} signal - ends it
 * @param {Map<string, object[]>} answers - name of a size to {ids, milliseconds, relevant}; they are added here
 */
export async function askAll(questions, sizes, answers, onasked, signal) {
  for (const size of sizes) await patient(() => probe(questions[0].query, size, signal), signal); // the first answer of a size is no measure
  for (const [number, question] of questions.entries()) {
    const relevant = new Set(question.relevant);
    for (let i = 0; i < sizes.length; i += 1) {
      const size = sizes[(i + number) % sizes.length];
      const found = await patient(() => probe(question.query, size, signal), signal);
      answers.get(sizeName(size)).push({ ...found, relevant });
    }
    onasked(number + 1);
  }
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
