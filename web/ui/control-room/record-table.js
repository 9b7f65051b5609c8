import { render } from "./parts.js";

/**
 * @typedef {object} Column
 * @property {string} label
 * @property {(record: any) => string | import("./parts.js").Part | (string | import("./parts.js").Part)[]} show
 * @property {boolean} [isNumber] whether it stands to the right
 * @property {boolean} [isLong] whether it has a line of its own where rows are cards
 */

/**
 * A table of records, updated in place: what did not change keeps the focus that is in it. The
 * roles keep it a table for screen readers where narrow pages show rows as cards.
 */
export class RecordTable {
  #table;
  #body;
  #columns;
  #key;
  #records = [];
  /** @type {Map<string, {row: HTMLElement, shown: string[], record: any}>} */
  #rows = new Map();

  /**
   * @param {HTMLTableElement} table with a name
   * @param {Column[]} columns the first names the row
   * @param {(record: any, index: number) => string} key
   * @param {(action: string, record: any) => void} act is told which button of which record was pressed
   */
  constructor(table, columns, key = ({ id }) => id, act = () => {}) {
    this.#table = table;
    this.#columns = columns;
    this.#key = key;
    const row = this.#element("tr", "row");
    row.append(...columns.map((column) => this.#heading(column)));
    const head = this.#element("thead", "rowgroup");
    head.append(row);
    this.#body = this.#element("tbody", "rowgroup");
    table.setAttribute("role", "table");
    table.replaceChildren(head, this.#body);
    table.addEventListener("click", ({ target }) => {
      const pressed = target.closest("[data-action]");
      if (pressed) act(pressed.dataset.action, this.#rows.get(pressed.closest("tr").dataset.key).record);
    });
  }

  /** @param {any[]} records in order */
  show(records) {
    this.#records = records;
    const restore = this.#holdFocus();
    const keys = records.map((record, index) => this.#key(record, index));
    for (const [key, { row }] of this.#rows) {
      if (keys.includes(key)) continue;
      row.remove();
      this.#rows.delete(key);
    }
    records.forEach((record, index) => {
      const known = this.#rows.get(keys[index]) ?? this.#make(keys[index]);
      known.record = record;
      const there = this.#body.children[index];
      if (there !== known.row) this.#body.insertBefore(known.row, there ?? null);
      this.#fill(known);
    });
    restore();
  }

  /** Show the same records again: time has passed. */
  again() {
    this.show(this.#records);
  }

  /**
   * What has the focus may be replaced, moved or gone after a change.
   * @returns {() => void} gives the focus to what took its place, else to the heading of its row or of the section
   */
  #holdFocus() {
    const held = document.activeElement;
    if (!this.#body.contains(held)) return () => {};
    const { key } = held.closest("tr").dataset;
    const same = held.dataset.action ? `[data-action=${held.dataset.action}]` : held.localName;
    return () => {
      if (held === document.activeElement) return;
      const row = this.#rows.get(key)?.row;
      const heading = this.#table.closest("section").querySelector("h2");
      (row?.querySelector(same) ?? row?.querySelector("th") ?? heading).focus();
    };
  }

  #make(key) {
    const row = this.#element("tr", "row");
    row.dataset.key = key;
    row.append(
      ...this.#columns.map(({ label, isNumber, isLong }, index) => {
        const cell = index ? this.#element("td", "cell") : this.#element("th", "rowheader");
        if (!index) Object.assign(cell, { scope: "row", tabIndex: -1 });
        cell.classList.toggle("number", Boolean(isNumber));
        cell.classList.toggle("long", Boolean(isLong));
        cell.classList.toggle("actions", !label);
        if (label) cell.dataset.label = label;
        return cell;
      }),
    );
    const known = { row, shown: [], record: null };
    this.#rows.set(key, known);
    return known;
  }

  #fill({ row, shown, record }) {
    this.#columns.forEach(({ show }, index) => {
      const parts = [show(record)].flat();
      const description = JSON.stringify(parts);
      if (shown[index] === description) return;
      shown[index] = description;
      const nodes = parts.map((part) => asBefore(row.children[index], render(part)));
      row.children[index].replaceChildren(...nodes.flatMap((node, place) => (place ? [" ", node] : [node])));
    });
  }

  #heading({ label, isNumber }) {
    const cell = this.#element("th", "columnheader");
    cell.scope = "col";
    if (isNumber) cell.className = "number";
    cell.append(label ? label : render({ tag: "span", text: "Actions", className: "unseen" }));
    return cell;
  }

  #element(tag, role) {
    const element = document.createElement(tag);
    element.setAttribute("role", role);
    return element;
  }
}

/**
 * A button stays the same one: a dialog gives the focus back to what opened it.
 * @param {HTMLElement} cell
 * @param {any} node
 */
function asBefore(cell, node) {
  const known = node.dataset?.action && cell.querySelector(`[data-action=${node.dataset.action}]`);
  if (!known) return node;
  known.textContent = node.textContent;
  known.ariaLabel = node.ariaLabel;
  return known;
}
