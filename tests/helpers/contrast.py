"""Letters of a page that are too faint on their ground: under the 4.5 to 1 of WCAG 2, level AA."""

from __future__ import annotations

FAINT = """() => {
  const pen = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const light = (colour, under) => {
    pen.clearRect(0, 0, 1, 1);
    for (const one of [under, colour].filter(Boolean)) { pen.fillStyle = one; pen.fillRect(0, 0, 1, 1); }
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].map((v) => v / 255)
      .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (one) => {
    const colours = [];
    for (let box = one; box; box = box.parentElement) {
      const colour = getComputedStyle(box).backgroundColor;
      colours.unshift(colour);
      if (!/, 0\\)|\\/ [\\d.]+\\)|rgba/.test(colour)) break;
    }
    return colours;
  };
  const found = [];
  for (const one of document.querySelectorAll("main *, header *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !one.offsetParent || one.closest("button:disabled, input:disabled")) continue;
    const [bottom, ...above] = ground(one);
    const back = light(above.at(-1) ?? bottom, above.length ? bottom : null);
    const front = light(getComputedStyle(one).color, bottom);
    const ratio = (Math.max(back, front) + 0.05) / (Math.min(back, front) + 0.05);
    const said = `${one.tagName}.${one.className} ${ratio.toFixed(2)} ${one.textContent.slice(0, 20)}`;
    if (ratio < 4.5) found.push(said);
  }
  return found;
}"""
