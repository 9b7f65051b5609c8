/**
 * Numbers and times for people, in the viewer's language and zone. Decimal strings go to Intl as
 * they are: it rounds them exactly, where a conversion to a number would lose digits.
 */

export const NOTHING = "–";
const MOST_DECIMALS = 12; // that the server accepts and sends
const formats = new Map();

/** @typedef {string | null | undefined} Amount a decimal string, or nothing */

/** Formats are slow to make and few. @param {Intl.NumberFormatOptions} options @returns {Intl.NumberFormat} */
function formatOf(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, options));
  return formats.get(key);
}

/** @param {Amount | number} text @param {Intl.NumberFormatOptions} options */
const formatted = (text, options) => (text == null ? NOTHING : formatOf(options).format(/** @type {any} */ (text)));

/** An amount, with the decimals that its currency has. @param {Amount} text @param {string} currency */
export const money = (text, currency) => formatted(text, { style: "currency", currency });

/** A change of an amount, with its sign. @param {Amount} text @param {string} currency */
export const change = (text, currency) => formatted(text, { style: "currency", currency, signDisplay: "exceptZero" });

/**
 * A price, with every decimal that was sent and matters: currencies and small shares need more than two.
 * @param {Amount} text
 * @param {string} currency
 */
export function price(text, currency) {
  const style = /** @type {const} */ ({ style: "currency", currency });
  const sent = text?.split(".")[1]?.length ?? 0;
  const usual = formatOf(style).resolvedOptions().maximumFractionDigits ?? 0;
  return formatted(text, { ...style, maximumFractionDigits: Math.min(Math.max(usual, sent), MOST_DECIMALS) });
}

/** @param {Amount} text */
export const quantity = (text) => formatted(text, { maximumFractionDigits: MOST_DECIMALS });

const PERCENT = /** @type {const} */ ({ style: "unit", unit: "percent" });
const SIGNED = /** @type {const} */ ({ ...PERCENT, signDisplay: "exceptZero" });
const CHANGE_IN_PERCENT = { ...SIGNED, minimumFractionDigits: 2, maximumFractionDigits: 2 };

/** A change in percent, with its sign; unknown: nothing, as it stands beside the amount. @param {Amount} text */
export const percent = (text) => (text == null ? "" : formatted(text, CHANGE_IN_PERCENT));

/** How much of the whole something is, in percent. @param {number} number */
export const weight = (number) => formatted(number, { ...PERCENT, minimumFractionDigits: 1, maximumFractionDigits: 1 });

/** A share of 100. @param {number} number */
export const share = (number) => formatted(number, { ...PERCENT, maximumFractionDigits: 0 });

/**
 * How much *part* is of *whole*, as a decimal string of percent; two decimals are shown, so a number will do.
 * @param {Amount} part
 * @param {Amount | number} whole
 */
export function ratio(part, whole) {
  const result = (100 * Number(part)) / Number(whole);
  return part == null || !Number.isFinite(result) ? null : result.toFixed(4);
}

/** @type {[string, number][]} */
const UNITS = [["day", 86400], ["hour", 3600], ["minute", 60], ["second", 1]];

/** "3 min", "2 hr": a length of time. @param {number} seconds */
export function age(seconds) {
  const [unit, length] = UNITS.find(([, size]) => seconds >= size) ?? UNITS[UNITS.length - 1];
  return formatted(Math.floor(seconds / length), { style: "unit", unit, unitDisplay: "short" });
}

/** The time of day; with the date when it is not today's. @param {Date} moment */
export function time(moment, { seconds = false } = {}) {
  const today = moment.toDateString() === new Date().toDateString();
  return moment.toLocaleString(undefined, {
    ...(today ? {} : { day: "numeric", month: "short" }),
    hour: "2-digit",
    minute: "2-digit",
    ...(seconds ? { second: "2-digit" } : {}),
  });
}

/** The day in the viewer's zone. @param {Date} when */
export const date = (when) => when.toLocaleDateString(undefined, { dateStyle: "medium" });

/** Date, time and zone in full. @param {Date} when @param {string} [timeZone] the viewer's by default */
export const moment = (when, timeZone) =>
  when.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long", timeZone });
