/** Fields that apply only to some choices. */

/**
 * Show the fields whose data-for is among those of the choice, and switch off the others: a field
 * that is off is not sent.
 * @param {HTMLFormElement} form
 * @param {string} chooser name of the select
 * @param {(chosen: string) => string[]} shown
 */
export function showOnly(form, chooser, shown) {
  const update = () => {
    const wanted = shown(form.elements[chooser].value);
    for (const part of form.querySelectorAll("[data-for]")) {
      part.hidden = !wanted.includes(part.dataset.for);
      for (const field of part.querySelectorAll("input, select")) field.disabled = part.hidden;
    }
  };
  form.addEventListener("change", update);
  update();
}
