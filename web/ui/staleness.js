/** Why a holding's value is not fresh, in words. */

/** @type {Record<string, string>} */
const WORDS = {
  age: "no newer price",
  quarantined: "a new price waits for confirmation",
  rate: "old exchange rate",
  unknown: "old price",
};

/** @param {{details?: import("./ledger.js").Details}} row that is stale */
export function reasonOf({ details }) {
  if (!details) return WORDS.unknown;
  if (!details.isStale) return WORDS.rate;
  return WORDS[details.staleReason ?? ""] ?? WORDS.unknown;
}

/** Why a holding has no value at all. @param {string?} [unpriced] */
export const absence = (unpriced) => (unpriced === "no_rate" ? "no exchange rate" : "no price yet");
