/** One holding of a <live-portfolio>, filled in place: only what has changed is touched. */

import { clock } from "../clock.js";
import { build, fieldsOf, setChange, setText } from "../dom.js";
import { flash } from "../flash.js";
import { NOTHING, age, change, moment, money, percent, price, quantity } from "../format.js";
import { absence, reasonOf } from "../staleness.js";
import { dayPercent } from "./portfolio-view.js";

/** @typedef {import("../ledger.js").Row} Row */

/** @param {string} name @param {string} names of its class */
const field = (name, names) => build("span", { class: names, part: name, "data-field": name });

/** @param {string} symbol */
const symbolOf = (symbol) => build("span", { class: "symbol", part: "symbol" }, symbol);

/** @param {Node[]} fields */
const cell = (...fields) => build("td", { role: "cell" }, ...fields);

export class HoldingLine {
  /** @type {Row?} */
  #row = null;
  #fields;

  /** @param {string} symbol */
  constructor(symbol) {
    this.element = build(
      "tr", { role: "row", part: "holding" },
      build("th", { role: "rowheader", scope: "row" }, symbolOf(symbol), field("quantity", "small faint")),
      cell(field("price", "value"), field("age", "small faint"), field("stale", "note")),
      cell(field("value", "value")),
      cell(field("change", "value"), field("percent", "value small")),
    );
    this.#fields = fieldsOf(this.element);
  }

  /** @param {Row} row @param {string} currency of the portfolio */
  fill(row, currency) {
    if (row !== this.#row) this.#fillAll(row, currency);
    const { last_updated: updated, unpriced } = row;
    const seconds = updated ? clock.since(updated) : 0;
    setText(this.#fields.age, updated ? (seconds < 5 ? "just now" : `${age(seconds)} ago`) : absence(unpriced));
  }

  /** @param {Row} row @param {string} currency */
  #fillAll(row, currency) {
    const fields = this.#fields;
    const before = this.#row;
    this.#row = row;
    setText(fields.quantity, row.quantity ? quantity(row.quantity) : "");
    setText(fields.price, row.unpriced ? NOTHING : price(row.price, row.currency ?? currency));
    setText(fields.value, money(row.market_value, currency));
    setChange(fields.change, change(row.daily_change, currency), row.daily_change);
    setChange(fields.percent, percent(dayPercent(row)), row.daily_change);
    setText(fields.stale, row.is_stale ? `stale: ${reasonOf(row)}` : "");
    fields.age.title = row.last_updated ? moment(new Date(row.last_updated)) : "";
    this.element.classList.toggle("stale", Boolean(row.is_stale || row.unpriced));
    if (before?.price && row.price && before.price !== row.price) flash(fields.price, before.price, row.price);
  }
}
