// The button that goes from the system's theme to light and dark.

import { byId } from "./dom.js";

const KEY = "embedworks-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };

/** @param {() => void} onchange - colours are others now */
export function createThemes(onchange) {
  const root = document.documentElement;
  const button = byId("theme-button");

  function show() {
    const now = root.dataset.theme ?? "system";
    button.textContent = `◐ ${{ system: "Auto", light: "Light", dark: "Dark" }[now]}`;
    button.setAttribute("aria-label", `Theme: ${now}. Change to ${NEXT[now]}.`);
  }

  button.addEventListener("click", () => {
    const next = NEXT[root.dataset.theme ?? "system"];
    if (next === "system") delete root.dataset.theme;
    else root.dataset.theme = next;
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // Lasts until the page is left.
    }
    show();
    onchange();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", onchange);
  show();
}
