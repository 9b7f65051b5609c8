import { clock } from "./clock.js";
import { fieldsOf, setChange, setText } from "./dom.js";
import { NOTHING, age, change, moment, money, percent, price, quantity, ratio } from "./format.js";

const STALE = {
  age: "stale: no newer price",
  quarantined: "stale: a new price waits for confirmation",
  rate: "stale: old exchange rate",
  unknown: "stale",
};
const FLASH_MS = 700;

/**
 * <holdings-table>: a row a holding, updated in place. Tells "remove-holding" with the symbol as
 * detail once the viewer has confirmed it.
 */
class HoldingsTable extends HTMLElement {
  #ledger;
  #rows = new Map();

  /** @param {import("./ledger.js").Ledger} ledger */
  follow(ledger) {
    this.#ledger = ledger;
    ledger.addEventListener("change", () => this.#show());
    setInterval(() => this.#showAges(), 1000);
    this.addEventListener("click", (event) => {
      const button = event.target.closest("[data-action=remove]");
      if (button) this.#confirm(button.closest("tr").dataset.symbol);
    });
  }

  #show() {
    const rows = this.#ledger.rows;
    this.hidden = rows.length === 0;
    const body = this.querySelector("tbody");
    const symbols = new Set(rows.map((row) => row.symbol));
    for (const [symbol, { element }] of this.#rows) {
      if (symbols.has(symbol)) continue;
      this.#leave(element);
      this.#rows.delete(symbol);
    }
    rows.forEach((row, index) => {
      const shown = this.#rows.get(row.symbol) ?? this.#make(row.symbol);
      if (body.children[index] !== shown.element) body.insertBefore(shown.element, body.children[index] ?? null);
      this.#fill(shown, row);
    });
    this.#showAges();
  }

  #make(symbol) {
    const element = document.getElementById("holding-row").content.cloneNode(true).firstElementChild;
    element.dataset.symbol = symbol;
    element.querySelector("[data-action=remove]").setAttribute("aria-label", `Remove ${symbol}`);
    const shown = { element, fields: fieldsOf(element), row: null };
    this.#rows.set(symbol, shown);
    return shown;
  }

  #fill(shown, row) {
    const { element, fields } = shown;
    const { currency } = this.#ledger.totals;
    const before = shown.row;
    shown.row = row;
    setText(fields.symbol, row.symbol);
    setText(fields.name, row.details?.name ?? "");
    setText(fields.quantity, quantity(row.quantity));
    setText(fields.price, row.unpriced ? NOTHING : price(row.price, row.currency));
    setText(fields.value, money(row.market_value, currency));
    setChange(fields.day, change(row.daily_change, currency), row.daily_change);
    setChange(fields["day-percent"], percent(row.unpriced ? null : row.details?.changePercent), row.daily_change);
    setChange(fields.gain, change(row.unrealized_gain_loss, currency), row.unrealized_gain_loss);
    setChange(fields["gain-percent"], percent(gained(row)), row.unrealized_gain_loss);
    setText(fields.source, row.source ?? "");
    fields.source.hidden = !row.source;
    fields.source.classList.toggle("simulated", row.source === "simulated");
    fields.stale.hidden = !row.is_stale;
    setText(fields.stale, row.is_stale ? STALE[reason(row)] : "");
    element.classList.toggle("stale", Boolean(row.is_stale));
    element.classList.toggle("unpriced", Boolean(row.unpriced));
    if (before?.price && row.price && before.price !== row.price) flash(fields.price, before.price, row.price);
  }

  /** Ages pass without any event. */
  #showAges() {
    for (const { fields, row } of this.#rows.values()) {
      if (!row.last_updated) {
        setText(fields.age, row.unpriced === "no_rate" ? "no exchange rate" : "no price yet");
        continue;
      }
      const seconds = clock.since(row.last_updated);
      setText(fields.age, seconds < 5 ? "just now" : `${age(seconds)} ago`);
      if (fields.age.dateTime === row.last_updated) continue;
      fields.age.dateTime = row.last_updated;
      fields.age.title = moment(new Date(row.last_updated));
    }
  }

  /** Take a row away; the focus in it goes to a neighbour, not to the top of the page. */
  #leave(element) {
    if (element.contains(document.activeElement)) {
      const neighbour = element.nextElementSibling ?? element.previousElementSibling;
      (neighbour?.querySelector("button") ?? document.getElementById("holdings-title")).focus();
    }
    element.remove();
  }

  #confirm(symbol) {
    const dialog = this.querySelector("dialog");
    setText(fieldsOf(dialog).question, `${symbol} leaves this portfolio, with its quantity and cost.`);
    dialog.returnValue = "cancel";
    dialog.addEventListener(
      "close",
      () => {
        if (dialog.returnValue !== "remove") return;
        this.dispatchEvent(new CustomEvent("remove-holding", { detail: symbol }));
      },
      { once: true },
    );
    dialog.showModal();
  }
}

/** The gain in percent of what was paid, in the portfolio's currency. */
function gained({ market_value: value, unrealized_gain_loss: gain }) {
  return gain == null ? null : ratio(gain, Number(value) - Number(gain));
}

function reason({ details }) {
  if (!details) return "unknown";
  if (!details.isStale) return "rate";
  return details.staleReason in STALE ? details.staleReason : "unknown";
}

function flash(node, before, after) {
  node.getAnimations().forEach((animation) => animation.cancel());
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const colour = `var(--${Number(after) > Number(before) ? "up" : "down"}-flash)`;
  node.animate([{ backgroundColor: colour }, { backgroundColor: "transparent" }], FLASH_MS);
}

customElements.define("holdings-table", HoldingsTable);
