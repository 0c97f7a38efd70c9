// The endpoint's API: JSON in, JSON out, with the key of this tab where one is asked for.

const KEY = "embedworks-key";
let memory = ""; // where a browser keeps nothing

/** A request that was not answered: `message` is the API's own, status 0 is no answer at all. */
export class Fault extends Error {
  constructor(message, status, retryAfter = 0) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

export function currentKey() {
  try {
    return sessionStorage.getItem(KEY) ?? memory;
  } catch {
    return memory;
  }
}

export function keepKey(value) {
  memory = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch {
    // Kept until the page is left.
  }
}

let ask = async () => false;
let asking = null;

/** Say who asks the user for a key: `ask(reason)` resolves to whether there is a new one. */
export function onKeyNeeded(prompt) {
  ask = prompt;
}

let wasUp = true;

/** The page hears of every answer, and of every request without one, as an event. */
function tell(isUp) {
  const detail = { isUp, isBack: isUp && !wasUp };
  wasUp = isUp;
  document.dispatchEvent(new CustomEvent("endpoint", { detail }));
}

async function fetched(path, body, signal) {
  const key = currentKey();
  const headers = key ? { authorization: `Bearer ${key}` } : {};
  if (body) headers["content-type"] = "application/json";
  const options = { method: body ? "POST" : "GET", headers, signal, cache: "no-store" };
  try {
    const answer = await fetch(path, body ? { ...options, body: JSON.stringify(body) } : options);
    tell(true);
    return answer;
  } catch (error) {
    if (error.name === "AbortError") throw error;
    tell(false);
    throw new Fault("The endpoint does not answer.", 0);
  }
}

async function fault(answer) {
  let message = `The endpoint answered ${answer.status}.`;
  try {
    message = (await answer.json()).error.message ?? message;
  } catch {
    // A proxy's page, not the API's.
  }
  return new Fault(message, answer.status, Number(answer.headers.get("retry-after")) || 0);
}

/**
 * The answer to GET, or to POST where there is a body; asks for a key where the endpoint does, unless `quiet`.
 * Throws a Fault, or an AbortError by way of `signal`.
 */
export async function call(path, { body, signal, quiet = false, text = false } = {}) {
  const used = currentKey();
  const answer = await fetched(path, body, signal);
  if (answer.ok) return text ? answer.text() : answer.json();
  const problem = await fault(answer);
  if (answer.status !== 401 || quiet) throw problem;
  if (used === currentKey()) {
    asking ??= ask(problem.message).finally(() => (asking = null)); // one dialog for all who wait
    if (!(await asking)) throw problem;
  }
  return call(path, { body, signal, quiet, text });
}
