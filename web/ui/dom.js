/** What the elements share. Text is only ever set as text. */

import { sign } from "./decimal.js";

/**
 * The parts of an element that are filled in: by the names in their data-field.
 * @param {ParentNode} root
 * @returns {Record<string, any>}
 */
export function fieldsOf(root) {
  const nodes = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll("[data-field]"));
  return Object.fromEntries([...nodes].map((node) => [node.dataset.field, node]));
}

const texts = new WeakMap(); // reading it back from the document is slow, for hundreds of cells a second

/**
 * Set the text of a node that only this function fills, if it is not that already.
 * @param {Node} node
 * @param {string} text
 */
export function setText(node, text) {
  if (texts.get(node) === text) return false;
  texts.set(node, text);
  node.textContent = text;
  return true;
}

/**
 * Show a change: its text, and its direction for the colour.
 * @param {HTMLElement} node
 * @param {string} text
 * @param {string | null | undefined} amount
 */
export function setChange(node, text, amount) {
  setText(node, text);
  const direction = ["down", "none", "up"][sign(amount) + 1];
  if (node.dataset.direction !== direction) node.dataset.direction = direction;
}

/** Fill a list with one item a line, if it is not those already. @param {HTMLElement} list @param {string[]} lines */
export function setLines(list, lines) {
  if ([...list.children].map((item) => item.textContent).join("\n") === lines.join("\n")) return;
  list.replaceChildren(...lines.map((line) => make("li", line)));
}

/** A new element with a text. @param {string} name @param {string} text */
export function make(name, text) {
  const node = document.createElement(name);
  node.textContent = text;
  return node;
}

/**
 * A new element with attributes, and texts or elements in it.
 * @param {string} name
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children
 */
export function build(name, attributes, ...children) {
  const node = document.createElement(name);
  for (const [attribute, value] of Object.entries(attributes)) node.setAttribute(attribute, value);
  node.append(...children);
  return node;
}

/**
 * Close every dialog that is open in it. Before an element around one is hidden: a modal dialog that is not seen still
 * bars the whole page.
 * @param {ParentNode} root
 */
export function closeDialogs(root) {
  for (const dialog of root.querySelectorAll("dialog")) dialog.close();
}

/** Say what is wrong, or nothing. @param {HTMLElement} node @param {string} text */
export function setProblem(node, text) {
  node.hidden = !text;
  setText(node, text);
}

/**
 * Send a form once, with what was typed, and show beside it what was wrong.
 * @param {HTMLFormElement} form
 * @param {(values: Record<string, string>) => Promise<void>} send
 */
export function onSubmit(form, send) {
  const problem = /** @type {HTMLElement} */ (form.querySelector(".problem"));
  const submit = /** @type {HTMLElement} */ (form.querySelector("[type=submit]"));
  const inputs = () => /** @type {HTMLInputElement[]} */ ([...form.elements]);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (submit.getAttribute("aria-disabled") === "true") return;
    const empty = inputs().filter((input) => input.required && !input.value.trim());
    mark(form, empty);
    setProblem(problem, empty.length ? "Please fill in every field." : "");
    if (empty.length) return;
    submit.setAttribute("aria-disabled", "true");
    try {
      await send(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, clean(name, value)])));
    } catch (error) {
      const { message, fields } = /** @type {Error & {fields?: string[]}} */ (error);
      setProblem(problem, message);
      mark(form, inputs().filter((input) => fields?.includes(input.name)));
    } finally {
      submit.removeAttribute("aria-disabled");
    }
  });
}

/** @param {string} name @param {any} value */
const clean = (name, value) => (name === "password" ? value : value.trim());

/** @param {HTMLFormElement} form @param {HTMLInputElement[]} wrong */
function mark(form, wrong) {
  for (const input of form.querySelectorAll("input")) {
    if (wrong.includes(input)) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
  }
  wrong[0]?.focus();
}
