/** When to try again after a lost connection: doubling, bounded, and spread so that not all come back at once. */

const FIRST = 1_000;
const MOST = 30_000;

/**
 * @param {number} failures in a row, before this wait
 * @returns {number} ms: half to one and a half times 1, 2, 4 … 30 s
 */
export function waitAfter(failures) {
  return Math.min(FIRST * 2 ** failures, MOST) * (0.5 + Math.random());
}
