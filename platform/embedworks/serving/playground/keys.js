// The dialog that asks for a key where the endpoint does.

import { currentKey, keepKey, onKeyNeeded } from "./api.js";
import { byId } from "./dom.js";

export function createKeys() {
  const dialog = byId("key-dialog");
  const input = byId("key-input");
  const button = byId("key-button");
  let done = () => {};

  function ask(reason) {
    byId("key-reason").textContent = reason;
    input.value = "";
    button.hidden = false;
    dialog.showModal();
    return new Promise((resolve) => (done = resolve));
  }

  function close(isGiven) {
    dialog.close();
    done(isGiven);
  }

  byId("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    keepKey(input.value.trim());
    close(Boolean(currentKey()));
  });
  byId("key-cancel").addEventListener("click", () => close(false));
  dialog.addEventListener("cancel", () => done(false));
  button.addEventListener("click", async () => {
    if (await ask("Another key is used from the next request on.")) location.reload();
  });
  button.hidden = !currentKey();
  onKeyNeeded(ask);
}
