/**
 * Asks the server. The session cookie says who is asking; unsafe requests prove with the
 * XSRF cookie that they come from one of its own pages. Tells the window "unauthorized" when
 * the server does not know who is asking, and "reachable" when it answers again.
 */

const BASE = "/api/v1";
let isReachable = true;
let patience = 0; // ms; 0: as the browser has it

/** Wait for no answer of the server longer than this, on the whole page. @param {number} ms */
export function giveUpAfter(ms) {
  patience = ms;
}

/** An answer that is not a success, or none at all (status 0). */
export class ApiError extends Error {
  /**
   * @param {number} status
   * @param {{detail?: string | {loc: (string | number)[], msg: string}[], error?: string}} body
   * @param {number} retryAfter seconds; 0 where the server names none
   */
  constructor(status, body, retryAfter = 0) {
    const wait = status === 429 && retryAfter ? ` (try again in ${retryAfter} s)` : "";
    super((sentence(body.detail) || `The server answered ${status}.`) + wait);
    this.status = status;
    this.code = body.error;
    this.retryAfter = retryAfter;
    /** The names of the fields that were refused. */
    this.fields = Array.isArray(body.detail) ? body.detail.map(({ loc }) => String(loc.at(-1))) : [];
    /** What is wrong, and where. @type {{loc: (string | number)[], msg: string}[]} */
    this.faults = Array.isArray(body.detail) ? body.detail : [];
  }
}

function sentence(detail) {
  if (!Array.isArray(detail)) return detail;
  return detail.map(({ loc, msg }) => `${String(loc.at(-1)).replaceAll("_", " ")}: ${msg}`).join("; ");
}

function xsrfToken() {
  return document.cookie.match(/(?:^|; )_xsrf=([^;]*)/)?.[1] ?? "";
}

/** @param {Error} error of a request @param {string} method @param {string} path */
function unanswered({ name }, method, path) {
  if (name !== "TimeoutError") return new ApiError(0, { detail: "The server cannot be reached." });
  const isHarmless = method === "GET" || path.endsWith("/preview");
  const doubt = isHarmless ? "" : " It is not known whether this was done.";
  return new ApiError(0, { detail: `The server did not answer within ${patience / 1000} s.${doubt}` });
}

async function exchange(method, path, body, type = "application/json") {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-XSRFToken"] = xsrfToken();
  if (body !== undefined) headers["Content-Type"] = type;
  let response;
  try {
    const signal = patience ? AbortSignal.timeout(patience) : null;
    response = await fetch(BASE + path, { method, headers, body, cache: "no-store", signal });
  } catch (error) {
    isReachable = false;
    throw unanswered(error, method, path);
  }
  if (!isReachable) dispatchEvent(new Event("reachable"));
  isReachable = true;
  const answer = response.status === 204 ? null : await response.json().catch((error) => {
    if (error.name === "TimeoutError") throw unanswered(error, method, path);
    return {};
  });
  if (response.status === 401) dispatchEvent(new Event("unauthorized"));
  if (!response.ok) throw new ApiError(response.status, answer, Number(response.headers.get("Retry-After")) || 0);
  return { answer, headers: response.headers };
}

const call = async (...request) => (await exchange(...request)).answer;

/** A page of a list, and how many rows there are in all. */
export async function list(path) {
  const { answer, headers } = await exchange("GET", path);
  return { rows: answer, total: Number(headers.get("X-Total-Count")) };
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, body && JSON.stringify(body));
export const postCsv = (path, file) => call("POST", path, file, "text/csv");
export const patch = (path, body) => call("PATCH", path, JSON.stringify(body));
export const put = (path, body) => call("PUT", path, JSON.stringify(body));
export const remove = (path) => call("DELETE", path);

/** Remove what may have been removed elsewhere meanwhile. */
export async function removeIfThere(path) {
  try {
    await remove(path);
  } catch (error) {
    if (error.status !== 404) throw error;
  }
}
