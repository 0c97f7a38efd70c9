// Where points of the map are: rows of the index, and the query among its hits.

/** Places in the unit square, whatever the map's own range is. */
export function placesOf({ x, y }) {
  const scaled = (values) => {
    const low = Math.min(...values);
    const span = Math.max(...values) - low || 1;
    return values.map((value) => (value - low) / span);
  };
  const [px, py] = [scaled(x), scaled(y)];
  return px.map((value, i) => [value, py[i]]);
}

/** The mean of the hits' places, better hits weighing more. */
export function middle(lit, places) {
  if (!lit.length) return null;
  const best = Math.max(...lit.map((one) => one.score));
  const weights = lit.map((one) => Math.exp((one.score - best) / 0.05));
  const all = weights.reduce((sum, one) => sum + one, 0);
  const mean = (axis) => lit.reduce((sum, one, i) => sum + weights[i] * places[one.place][axis], 0) / all;
  return [mean(0), mean(1)];
}

/**
 * The hits of a list that the map has.
 * @param {object} map - as mapOf() gives it
 * @param {object[]} hits - as search() folds them
 * @returns {object[]} {place: number of the point, rank, side, score}
 */
export function litBy(map, hits, side) {
  return hits.flatMap((hit, i) => {
    const id = hit.ids.find((one) => map.rows.has(one));
    return id === undefined ? [] : [{ place: map.rows.get(id), rank: i + 1, side, score: hit.score }];
  });
}
