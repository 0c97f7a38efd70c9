// Keys: / goes to the search, arrows move through the hits and between two lists, Escape goes back.

import { byId } from "./dom.js";

const TYPING = "input, textarea, select, [contenteditable]";

const lists = () => [...document.querySelectorAll("#lists .hits")].filter((list) => list.offsetParent);

function go(item) {
  if (!item) return;
  for (const other of item.parentElement.children) other.tabIndex = other === item ? 0 : -1;
  item.focus();
}

function move(event) {
  const item = event.target.closest?.(".hit");
  if (!item) return false;
  const all = [...item.parentElement.children];
  const place = all.indexOf(item);
  const beside = (step) => lists().at(lists().indexOf(item.parentElement) + step);
  if (event.key === "ArrowDown") go(all[place + 1]);
  else if (event.key === "ArrowUp") place ? go(all[place - 1]) : byId("q").focus();
  else if (event.key === "Home") go(all[0]);
  else if (event.key === "End") go(all.at(-1));
  else if (event.key === "ArrowRight" && lists().length > 1) go(beside(1)?.children[place]);
  else if (event.key === "ArrowLeft" && lists().indexOf(item.parentElement) > 0) go(beside(-1)?.children[place]);
  else if (event.key === "Escape") byId("q").focus();
  else return false;
  return true;
}

export function createKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const isTyping = event.target.matches?.(TYPING);
    if (event.key === "/" && !isTyping && !byId("search").hidden) {
      byId("q").focus();
      byId("q").select();
    } else if (event.key === "ArrowDown" && event.target === byId("q")) go(lists()[0]?.firstElementChild);
    else if (isTyping || !move(event)) return;
    event.preventDefault();
  });
}
