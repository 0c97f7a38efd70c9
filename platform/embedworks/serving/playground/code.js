// The request of now as a command and as Python, to be copied. A key is never in it: $KEY stands for it.

import { currentKey } from "./api.js";
import { byId, h } from "./dom.js";
import { searchBody } from "./search.js";
import { query, state } from "./state.js";

const quoted = (text) => `'${text.replaceAll("'", `'\\''`)}'`;

const address = () => new URL("v1/search", document.baseURI.split("#")[0]).href;

export function curl(body, url, isKeyed) {
  const lines = [`curl ${quoted(url)}`, `-H 'content-type: application/json'`];
  if (isKeyed) lines.push(`-H "authorization: Bearer $KEY"`);
  lines.push(`-d ${quoted(JSON.stringify(body))}`);
  return lines.join(" \\\n  ");
}

export function python(body, url, isKeyed) {
  const fields = Object.entries(body).map(
    ([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)},`,
  );
  const key = isKeyed ? `, "authorization": f"Bearer {os.environ['KEY']}"` : "";
  return [
    `import json${isKeyed ? "\nimport os" : ""}`,
    "from urllib.request import Request, urlopen",
    "",
    "body = {",
    ...fields,
    "}",
    `headers = {"content-type": "application/json"${key}}`,
    `request = Request(${JSON.stringify(url)}, json.dumps(body).encode(), headers)`,
    'for hit in json.load(urlopen(request))["data"][0]["hits"]:',
    '    print(f"{hit[\'score\']:.3f}", hit["row"])',
  ].join("\n");
}

const KINDS = { curl, Python: python };

export function createCode() {
  let kind = "curl";
  const text = h("code");
  const buttons = Object.keys(KINDS).map((name) =>
    h("button", { type: "button", "aria-pressed": name === kind, onclick: () => choose(name) }, name),
  );
  const copy = h("button", { type: "button", class: "copy", onclick: copied }, "Copy");
  const tools = h(
    "div",
    { class: "row tools" },
    h("div", { class: "switch", role: "group", "aria-label": "Language" }, ...buttons),
    copy,
  );
  byId("code-body").append(tools, h("pre", { tabindex: 0, "aria-label": "Snippet" }, text));

  function choose(name) {
    kind = name;
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.textContent === name));
    update();
  }

  async function copied() {
    let worked = true;
    try {
      await navigator.clipboard.writeText(text.textContent);
    } catch {
      worked = false; // not over plain HTTP from elsewhere: select it, and Ctrl-C does it
      getSelection().selectAllChildren(text);
    }
    copy.textContent = worked ? "Copied" : "Selected";
    setTimeout(() => (copy.textContent = "Copy"), 1500);
  }

  function update() {
    byId("code").hidden = !state.a;
    if (!state.a) return;
    const body = searchBody(query() || "What does yield do?", state.a);
    text.textContent = KINDS[kind](body, address(), Boolean(currentKey()));
  }

  return { update };
}
