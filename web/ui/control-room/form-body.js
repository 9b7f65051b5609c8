/** What a form says, as the server takes it: without what is empty or does not apply. */

import { idsOf } from "./targets.js";

/**
 * A field's data-kind says how it is sent: number, moment (of the viewer's zone), target (a name
 * or an id that may be refused); faultsIn says what cannot be read that way.
 * @param {HTMLFormElement} form
 * @returns {Record<string, string | number>}
 */
export function bodyOf(form) {
  const filled = [...form.elements].filter((field) => field.name && !field.disabled && field.value.trim());
  return Object.fromEntries(filled.map((field) => [field.name, valueOf(field)]));
}

/** @param {HTMLInputElement} field @returns {string | number} */
export function valueOf(field) {
  const text = field.value.trim();
  if (field.dataset.kind === "number" && /^-?\d{1,15}$/.test(text)) return Number(text);
  if (field.dataset.kind === "moment") return new Date(text).toISOString();
  return field.dataset.kind === "target" ? meant(field)[0] ?? text : text;
}

/** @param {HTMLInputElement} field @returns {string[]} the ids that its name may stand for */
const meant = (field) => idsOf(field.value.trim(), field.getAttribute("list"));

const NO_NUMBER = "must be a whole number";
const NO_MOMENT = "must be a whole date and time, with a year of four digits";
const SEVERAL = "is the name of several: choose one that is offered, with its id";

/** What is wrong with what a form says, before it is sent. @param {HTMLFormElement} form */
export function faultsIn(form) {
  return [...form.elements]
    .filter((field) => field.name && !field.disabled)
    .map((field) => ({ field: field.name, msg: faultOf(field) }))
    .filter(({ msg }) => msg);
}

/** @param {HTMLInputElement} field @returns {string} what is wrong with it */
function faultOf(field) {
  if (field.validity.badInput) return NO_MOMENT; // one that was begun has no value
  if (!field.value.trim()) return field.required ? "is missing" : "";
  const { kind } = field.dataset;
  if (kind === "number" && typeof valueOf(field) !== "number") return NO_NUMBER;
  if (kind === "moment" && Number.isNaN(Date.parse(field.value))) return NO_MOMENT;
  return kind === "target" && meant(field).length > 1 ? SEVERAL : "";
}
