/** One line of the holdings, filled in place: only what has changed is touched. */

import { clock } from "./clock.js";
import { fieldsOf, setChange, setText } from "./dom.js";
import { moments } from "./exchange-time.js";
import { flash } from "./flash.js";
import { NOTHING, age, change, money, percent, price, quantity, ratio, weight } from "./format.js";
import { absence, reasonOf } from "./staleness.js";

export class HoldingRow {
  #fields;
  #row = null;
  #total = "";

  /** @param {string} symbol */
  constructor(symbol) {
    this.element = document.getElementById("holding-row").content.cloneNode(true).firstElementChild;
    this.element.dataset.symbol = symbol;
    this.#fields = fieldsOf(this.element);
    for (const button of this.element.querySelectorAll("button")) {
      button.setAttribute("aria-label", `${button.textContent} ${symbol}`);
    }
  }

  /** @param {import("./ledger.js").Row} row @param {{currency: string, total_value: string}} totals */
  fill(row, { currency, total_value: total }) {
    if (row !== this.#row) this.#fillAll(row, currency);
    else if (total === this.#total) return;
    this.#total = total;
    const part = ratio(row.market_value, total);
    setText(this.#fields.weight, part === null ? NOTHING : weight(Number(part)));
  }

  #fillAll(row, currency) {
    const fields = this.#fields;
    const before = this.#row;
    this.#row = row;
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
    setText(fields.stale, row.is_stale ? `stale: ${reasonOf(row)}` : "");
    this.element.classList.toggle("stale", Boolean(row.is_stale));
    this.element.classList.toggle("unpriced", Boolean(row.unpriced));
    this.showAge();
    if (before?.price && row.price && before.price !== row.price) flash(fields.price, before.price, row.price);
  }

  /** Ages pass without any event. */
  showAge() {
    const { age: field } = this.#fields;
    const { last_updated: updated, unpriced, symbol } = this.#row;
    if (!updated) return setText(field, absence(unpriced));
    const seconds = clock.since(updated);
    setText(field, seconds < 5 ? "just now" : `${age(seconds)} ago`);
    if (field.dateTime === updated) return;
    field.dateTime = updated;
    field.title = moments(new Date(updated), symbol);
  }
}

/** The gain in percent of what was paid, in the portfolio's currency. */
function gained({ market_value: value, unrealized_gain_loss: gain }) {
  return gain == null ? null : ratio(gain, Number(value) - Number(gain));
}
