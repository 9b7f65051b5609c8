/** What a cell of a table can hold besides text. Each is a plain description: two that are equal look the same. */

import { NOTHING, age, moment, time } from "../format.js";

/** @typedef {{tag: string, text?: string, [attribute: string]: any}} Part */

/** @param {string} text @param {"good" | "warning" | "bad" | ""} tone @returns {Part} */
export const badge = (text, tone = "") => ({ tag: "span", text, className: `badge ${tone}`.trim() });

/** @param {string} text @returns {Part} */
export const faint = (text) => ({ tag: "span", text, className: "small faint" });

/** @param {string} text @returns {Part} */
export const strong = (text) => ({ tag: "span", text, className: "symbol" });

/** A moment in the viewer's zone, in full on hover. @param {string?} iso @returns {Part | string} */
export function when(iso, text = iso && time(new Date(iso), { seconds: true })) {
  return iso ? { tag: "time", text, dateTime: iso, title: moment(new Date(iso)) } : NOTHING;
}

/** A button of a row. @param {string} action @param {string} text @param {string} label for screen readers */
export const button = (action, text, label, tone = "quiet") => ({
  tag: "button",
  text,
  type: "button",
  className: `${tone} small`,
  ariaLabel: label,
  action,
});

/** Lines that open under a summary. @param {string} summary @param {string[]} lines @returns {Part} */
export const details = (summary, lines) => ({ tag: "details", summary, lines });

const SMALLER = { day: "hour", hour: "minute", minute: "second" };
const SIZE = { day: 86_400, hour: 3_600, minute: 60, second: 1 };

/** "1 hr 12 min": what is left until a moment of the server's time, in two units. @param {number} seconds */
export function countdown(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const unit = Object.keys(SIZE).find((name) => whole >= SIZE[name]) ?? "second";
  const rest = whole % SIZE[unit];
  const smaller = SMALLER[unit];
  return smaller && rest >= SIZE[smaller] ? `${age(whole)} ${age(rest)}` : age(whole);
}

/** @param {Part | string} part @returns {Node} */
export function render(part) {
  if (typeof part === "string") return document.createTextNode(part);
  const { tag, text, action, summary, lines, ...properties } = part;
  const node = Object.assign(document.createElement(tag), properties);
  if (text !== undefined) node.textContent = text;
  if (action) node.dataset.action = action;
  if (lines) {
    const head = document.createElement("summary");
    head.textContent = summary;
    node.append(head, ...lines.map((line) => render({ tag: "p", text: line, className: "small" })));
  }
  return node;
}
