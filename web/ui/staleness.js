/** Why a holding's value is not fresh, in words. */

const WORDS = {
  age: "no newer price",
  quarantined: "a new price waits for confirmation",
  rate: "old exchange rate",
  unknown: "old price",
};

/** @param {import("./ledger.js").Row & {details?: {isStale: boolean, staleReason: string?}}} row that is stale */
export function reasonOf({ details }) {
  if (!details) return WORDS.unknown;
  if (!details.isStale) return WORDS.rate;
  return WORDS[details.staleReason] ?? WORDS.unknown;
}
