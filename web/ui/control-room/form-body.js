/** What a form says, as the server takes it: without what is empty or does not apply. */

import { idOf } from "./targets.js";

/**
 * A field's data-kind says how it is sent: number, moment (of the viewer's zone), target (a name
 * or an id); what cannot be read that way is sent as it is, and refused with the field's name.
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
  return field.dataset.kind === "target" ? idOf(text) : text;
}
