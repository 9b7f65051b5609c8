/** What is wrong with a field is said at the field, and read out with it. */

/** Forget what was said. @param {HTMLFormElement} form */
export function clearFaults(form) {
  for (const said of form.querySelectorAll(".fault")) said.remove();
  for (const field of form.elements) {
    field.removeAttribute("aria-invalid");
    if (field.getAttribute("aria-describedby")?.endsWith("-fault")) field.removeAttribute("aria-describedby");
  }
}

/**
 * Say it at each field that has a fault.
 * @param {HTMLFormElement} form
 * @param {{field: string, msg: string}[]} faults
 * @returns {{homeless: {field: string, msg: string}[], wrong: HTMLElement[]}} homeless: the faults of fields that
 *   the form does not show. wrong: the fields that have one
 */
export function showFaults(form, faults) {
  const homeless = [];
  const wrong = [];
  for (const { field: name, msg } of faults) {
    const field = [...form.elements].find((each) => each.name === name && !each.disabled && each.type !== "hidden");
    if (!field) homeless.push({ field: name, msg });
    else if (!wrong.includes(field)) {
      wrong.push(field);
      const said = Object.assign(document.createElement("span"), {
        className: "fault problem",
        id: `${field.id}-fault`,
        textContent: msg,
      });
      field.after(said);
      field.setAttribute("aria-invalid", "true");
      field.setAttribute("aria-describedby", said.id);
    }
  }
  return { homeless, wrong };
}

/** What the server refused, field by field; of several values of a field, which. @param {import("../api.js").ApiError} error */
export const faultsOf = ({ faults = [] }) =>
  faults.map(({ loc: [place, field = place, index], msg }) => ({
    field: String(field),
    msg: index === undefined ? msg : `no. ${index + 1} ${msg}`,
  }));
