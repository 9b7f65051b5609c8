import { setText } from "./dom.js";
import { HoldingRow } from "./holding-row.js";
import { COLUMNS, ordered } from "./holdings-order.js";

const SETTLED = 10_000; // ms that rows stay where they are, though their order has changed

/**
 * <holdings-table>: a row a holding, updated in place. Tells "edit-holding" and "remove-holding" with the symbol as
 * detail when that is asked for.
 */
class HoldingsTable extends HTMLElement {
  #ledger;
  #rows = new Map();
  #symbols = null;
  #column = "symbol";
  #isDescending = false;
  #orderedAt = 0;

  /** @param {import("./ledger.js").Ledger} ledger */
  follow(ledger) {
    this.#ledger = ledger;
    ledger.addEventListener("change", () => this.#show());
    setInterval(() => this.#showAges(), 1000);
    this.addEventListener("click", (event) => this.#click(event.target.closest("button")));
    const choice = this.querySelector("select");
    choice.replaceChildren(...Object.entries(COLUMNS).map(([column, { name }]) => new Option(name, column)));
    choice.addEventListener("change", () => this.#sort(choice.value));
    this.#showOrder();
  }

  #click(button) {
    const { symbol } = button?.closest("tr")?.dataset ?? {};
    const column = button?.closest("[data-sort]")?.dataset.sort;
    if (button?.dataset.action === "reverse") this.#sort(this.#column);
    else if (column) this.#sort(column);
    else if (button) this.dispatchEvent(new CustomEvent(`${button.dataset.action}-holding`, { detail: symbol }));
  }

  /** By another column, or by the same the other way round. */
  #sort(column) {
    this.#isDescending = column === this.#column ? !this.#isDescending : COLUMNS[column].isDescending;
    this.#column = column;
    this.#orderedAt = 0;
    this.#showOrder();
    this.#show();
  }

  #showOrder() {
    const sense = this.#isDescending ? "descending" : "ascending";
    for (const head of this.querySelectorAll("[data-sort]")) {
      if (head.dataset.sort === this.#column) head.setAttribute("aria-sort", sense);
      else head.removeAttribute("aria-sort");
    }
    this.querySelector("select").value = this.#column;
    const reverse = this.querySelector("[data-action=reverse]");
    setText(reverse, this.#isDescending ? "↓" : "↑");
    reverse.setAttribute("aria-label", `Sorted ${sense}: reverse`);
  }

  #show() {
    const { rows, totals } = this.#ledger;
    this.hidden = rows.length === 0;
    if (!totals) return this.#keep([]);
    const { symbols } = this.#ledger;
    if (symbols !== this.#symbols || this.#mayMove) this.#place(rows);
    this.#symbols = symbols;
    for (const row of rows) this.#rows.get(row.symbol).fill(row, totals);
  }

  /** Rows do not run away from a pointer or the focus. */
  get #mayMove() {
    const isUsed = this.querySelector("tbody").matches(":hover, :focus-within");
    return this.#orderedAt === 0 || (!isUsed && Date.now() - this.#orderedAt > SETTLED);
  }

  #place(rows) {
    this.#orderedAt = Date.now();
    this.#keep(rows);
    const body = this.querySelector("tbody");
    ordered(rows, this.#column, this.#isDescending).forEach(({ symbol }, index) => {
      if (!this.#rows.has(symbol)) this.#rows.set(symbol, new HoldingRow(symbol));
      const { element } = this.#rows.get(symbol);
      if (body.children[index] !== element) body.insertBefore(element, body.children[index] ?? null);
    });
  }

  #keep(rows) {
    const symbols = new Set(rows.map(({ symbol }) => symbol));
    for (const [symbol, { element }] of this.#rows) {
      if (symbols.has(symbol)) continue;
      this.#leave(element);
      this.#rows.delete(symbol);
    }
  }

  #showAges() {
    for (const row of this.#rows.values()) row.showAge();
  }

  /** Take a row away; the focus in it goes to a neighbour, not to the top of the page. */
  #leave(element) {
    if (element.contains(document.activeElement)) {
      const neighbour = element.nextElementSibling ?? element.previousElementSibling;
      (neighbour?.querySelector("[data-action=remove]") ?? document.getElementById("holdings-title")).focus();
    }
    element.remove();
  }
}

customElements.define("holdings-table", HoldingsTable);
