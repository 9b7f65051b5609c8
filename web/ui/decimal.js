/** Exact arithmetic on decimal strings, as the server sends all amounts. */

/** @param {string} text */
function parse(text) {
  const [whole, fraction = ""] = text.split(".");
  return { digits: BigInt(whole + fraction), scale: fraction.length };
}

/**
 * Whether the parts add up to the total, to the last digit.
 * @param {string[]} parts
 * @param {string} total
 */
export function addsUp(parts, total) {
  const numbers = [...parts, total].map(parse);
  const scale = Math.max(...numbers.map((number) => number.scale));
  const units = numbers.map((number) => number.digits * 10n ** BigInt(scale - number.scale));
  return units.slice(0, -1).reduce((sum, unit) => sum + unit, 0n) === units.at(-1);
}

/** -1, 0 or 1; of nothing 0. @param {string | null | undefined} text */
export function sign(text) {
  if (text == null || !/[1-9]/.test(text)) return 0;
  return text.startsWith("-") ? -1 : 1;
}
