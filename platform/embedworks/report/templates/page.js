"use strict";
(() => {
  const value = (row, column) => {
    const cell = row.cells[column];
    return "v" in cell.dataset ? (cell.dataset.v === "" ? NaN : Number(cell.dataset.v)) : cell.textContent.trim();
  };
  const compare = (a, b, sign) => {
    if (typeof a === "string") return sign * a.localeCompare(b);
    if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
    return sign * (a - b);
  };
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => head.querySelector("button").addEventListener("click", () => {
      const numeric = head.classList.contains("n");
      const first = numeric ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const next = now === "none" ? first : now === "ascending" ? "descending" : "ascending";
      heads.forEach((other) => other.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", next);
      const sign = next === "ascending" ? 1 : -1;
      const body = table.tBodies[0];
      body.append(...[...body.rows].sort((a, b) => compare(value(a, column), value(b, column), sign)));
    }));
  }

  const source = document.getElementById("map-texts");
  const tip = document.getElementById("tip");
  if (!source) return;
  const texts = JSON.parse(source.textContent);
  const maps = [...document.querySelectorAll("svg.map")];
  const clear = () => {
    tip.hidden = true;
    for (const one of document.querySelectorAll("svg.map .on")) one.classList.remove("on");
    for (const map of maps) map.classList.remove("pointed");
  };
  const show = (spot, event) => {
    clear();
    const mark = new Set([spot.dataset.i]);
    for (const map of maps) {
      for (const join of map.querySelectorAll(".join")) {
        if (join.dataset.a === spot.dataset.i || join.dataset.b === spot.dataset.i) {
          join.classList.add("on");
          mark.add(join.dataset.a).add(join.dataset.b);
        }
      }
    }
    for (const map of maps) {
      map.classList.add("pointed");
      for (const one of map.querySelectorAll(".spot")) if (mark.has(one.dataset.i)) one.classList.add("on");
    }
    tip.textContent = texts[Number(spot.dataset.i)];
    tip.hidden = false;
    const box = tip.getBoundingClientRect();
    const left = Math.min(event.clientX + 14, document.documentElement.clientWidth - box.width - 8);
    const below = event.clientY + 16;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below + box.height > innerHeight ? Math.max(8, event.clientY - box.height - 12) : below}px`;
  };
  for (const map of maps) {
    map.addEventListener("pointerover", (event) => {
      const spot = event.target.closest(".spot");
      if (spot) show(spot, event); else clear();
    });
    map.addEventListener("pointerleave", clear);
  }
})();
