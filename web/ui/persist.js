/** Asks again by itself while the server cannot answer, as during a restart. */

import { waitAfter } from "./stream-backoff.js";

/** Whether it may pass by itself. @param {{status?: number}} error */
export const isPassing = ({ status = 400 }) => status === 0 || status === 429 || status >= 500;

/** How long to wait before asking again, in ms. @param {{retryAfter?: number}} error @param {number} failures before it, in a row */
export const delay = ({ retryAfter = 0 }, failures) => Math.max(waitAfter(failures), retryAfter * 1000);

/**
 * Ask until there is an answer: after waits that grow, and at once when the connection is back.
 * @template T
 * @param {() => Promise<T>} ask
 * @param {(error: Error) => void} say called with what is wrong, each time
 * @returns {Promise<T>} rejected with what does not pass by itself
 */
export async function persist(ask, say) {
  for (let failures = 0; ; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!isPassing(error)) throw error;
      say(error);
      await pause(delay(error, failures), error.status !== 429);
    }
  }
}

/** @param {number} length ms @param {boolean} isImpatient whether it ends with the first sign that the server is there */
function pause(length, isImpatient) {
  return new Promise((resolve) => {
    const ended = new AbortController();
    const end = () => (ended.abort(), clearTimeout(timer), resolve());
    const timer = setTimeout(end, length);
    if (isImpatient) for (const sign of ["online", "reachable"]) addEventListener(sign, end, ended);
  });
}
