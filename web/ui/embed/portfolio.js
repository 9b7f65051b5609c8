import { build, setChange, setText } from "../dom.js";
import { change, money, percent, ratio } from "../format.js";
import { LINKED } from "../market-stream.js";
import { LiveElement } from "./element.js";
import { HoldingLine } from "./holding-line.js";
import { PortfolioView } from "./portfolio-view.js";
import { Unset } from "./rights.js";

/** @typedef {import("../ledger.js").Ledger} Ledger */

/** @param {string} field @param {string} [names] of its class */
const value = (field, names = "value") => build("span", { class: names, part: field, "data-field": field });

const asOf = () => build("div", { class: "as-of", part: "as-of", "data-field": "asOf" });

/** @param {string} title @param {(Node | string)[]} values */
const figure = (title, ...values) => build("div", {}, build("dt", {}, title), build("dd", {}, ...values));

/** @param {string} title */
const head = (title) => build("th", { role: "columnheader", scope: "col" }, title);

/** <live-portfolio>: its totals, what they leave out, and its holdings. @extends {LiveElement<PortfolioView>} */
export class LivePortfolio extends LiveElement {
  /** @type {Map<string, HoldingLine>} */
  #lines = new Map();
  /** @type {string[]?} */
  #symbols = null;

  constructor() {
    super(
      build(
        "header", {},
        build("h2", { part: "name", "data-field": "name" }),
        build("span", { class: "status", part: "status", "data-field": "status" }),
      ),
      build(
        "div", { "data-field": "box", hidden: "" },
        build(
          "dl", { part: "figures" },
          figure("Total value", value("total", "value total"), asOf()),
          figure("Day change", value("day"), " ", value("day-percent", "value small")),
          figure("Gain", value("gain"), " ", value("gain-percent", "value small")),
        ),
        build("p", { class: "note", part: "note", "data-field": "partial" }),
        build("p", { class: "note", part: "note", "data-field": "simulated" }),
        build(
          "div", { class: "holdings", part: "holdings", "data-field": "holdings" },
          build(
            "table", { role: "table" },
            build("caption", {}, "Holdings"),
            build(
              "thead", { role: "rowgroup" },
              build("tr", { role: "row" }, ...["Symbol", "Price", "Value", "Day change"].map(head)),
            ),
            build("tbody", { role: "rowgroup", "data-field": "lines" }),
          ),
        ),
      ),
    );
  }

  open() {
    const id = this.getAttribute("portfolio-id")?.trim().toLowerCase() || (this.getAttribute("link") ? LINKED : "");
    if (!id) throw new Unset("Which portfolio? There is no portfolio-id here.");
    return this.right.view(PortfolioView, id);
  }

  /** @param {PortfolioView} view */
  judge({ ledger }) {
    const count = ledger.rows.filter((row) => row.is_stale).length;
    return count ? { state: "stale", text: count === 1 ? "1 price is stale" : `${count} prices are stale` } : undefined;
  }

  /** @param {PortfolioView?} view */
  fill(view) {
    const { name, box } = this.fields;
    const ledger = view?.ledger;
    setText(name, this.getAttribute("name") || "Portfolio");
    box.hidden = !ledger?.totals;
    if (ledger?.totals) this.#fillTotals(ledger, ledger.totals);
    this.#fillLines(ledger?.totals ? ledger : null);
  }

  /** @param {Ledger} ledger @param {NonNullable<Ledger["totals"]>} totals */
  #fillTotals({ rows, isSimulated }, totals) {
    const { total, day, gain, partial, simulated, ...percents } = this.fields;
    const { currency, daily_change: daily, unrealized_gain_loss: gained } = totals;
    setText(total, money(totals.total_value, currency));
    setChange(day, change(daily, currency), daily);
    setChange(percents["day-percent"], percent(totals.daily_change_percent), daily);
    setChange(gain, change(gained, currency), gained);
    setChange(percents["gain-percent"], percent(ratio(gained, totals.total_cost_basis)), gained);
    const missing = rows.filter((row) => row.unpriced).map(({ symbol }) => symbol);
    const named = missing.length ? `: ${missing.join(", ")}` : "";
    setText(partial, totals.partial ? `Not in these figures is what has no price${named}.` : "");
    setText(simulated, isSimulated ? "Simulated prices: they are made up or of another day." : "");
  }

  /** @param {Ledger?} ledger */
  #fillLines(ledger) {
    const symbols = ledger?.symbols ?? [];
    if (symbols !== this.#symbols) {
      for (const symbol of this.#lines.keys()) if (!symbols.includes(symbol)) this.#lines.delete(symbol);
      for (const symbol of symbols) if (!this.#lines.has(symbol)) this.#lines.set(symbol, new HoldingLine(symbol));
      this.fields.lines.replaceChildren(...symbols.map((symbol) => this.#lines.get(symbol)?.element));
      this.#symbols = symbols;
    }
    this.fields.holdings.hidden = !symbols.length;
    for (const row of ledger?.rows ?? []) this.#lines.get(row.symbol)?.fill(row, ledger?.totals?.currency ?? "");
  }
}
