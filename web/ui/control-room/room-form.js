/** Forms that are sent once at a time, and say what is refused at the field it is of. */

import { setProblem } from "../dom.js";
import { clearFaults, faultsOf, showFaults } from "./field-faults.js";
import { faultsIn } from "./form-body.js";

/**
 * @param {HTMLFormElement} form with a .problem.whole for what is of no field
 * @param {() => Promise<void>} send what it throws is explained in the form
 */
export function onSend(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy) return;
    forgive(form);
    const faults = faultsIn(form);
    showFaults(form, faults).wrong[0]?.focus();
    if (faults.length) return;
    form.ariaBusy = "true";
    try {
      await send();
    } catch (error) {
      explain(form, error);
    } finally {
      form.ariaBusy = null;
    }
  });
}

/** Forget what was wrong. @param {HTMLFormElement} form */
export function forgive(form) {
  clearFaults(form);
  setProblem(form.querySelector(".problem.whole"), "");
}

/** Say what was refused at its field, go to the first, and say the rest below the form. @param {HTMLFormElement} form */
export function explain(form, error) {
  const faults = faultsOf(error);
  const { homeless, wrong } = showFaults(form, faults);
  wrong[0]?.focus();
  const rest = homeless.map(({ field, msg }) => `${field.replaceAll("_", " ")}: ${msg}`).join("; ");
  setProblem(form.querySelector(".problem.whole"), faults.length ? rest : error.message);
}
