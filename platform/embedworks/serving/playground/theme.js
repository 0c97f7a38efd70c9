// Runs before the page is drawn, so that a chosen theme does not flash in: hence no module.
"use strict";
(() => {
  const root = document.documentElement;
  try {
    const kept = localStorage.getItem("embedworks-theme");
    if (kept === "light" || kept === "dark") root.dataset.theme = kept;
  } catch {
    // Without storage the theme is the system's.
  }
})();
