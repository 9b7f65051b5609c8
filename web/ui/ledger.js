/**
 * What is known of the portfolio on the page: the last valuation, and the changes since.
 * Tells "change" at most once a frame, however many events a batch has.
 */

import { addsUp } from "./decimal.js";

/**
 * @typedef {object} Row one line of the holdings
 * @property {string} symbol
 * @property {string?} unpriced why there is no value; then there are no amounts either
 */

export class Ledger extends EventTarget {
  #holdings = new Map();
  #unpriced = new Map();
  #prices = new Map();
  #announced = false;

  /** The totals: a portfolio_update without its holdings; null until the first. */
  totals = null;
  /** When the totals came, in milliseconds of the viewer's clock. */
  receivedAt = 0;
  /** How many valuations have come. */
  version = 0;

  /** Forget the portfolio; prices are everybody's. */
  clear() {
    this.#holdings.clear();
    this.#unpriced.clear();
    this.totals = null;
    this.#announce();
  }

  /**
   * Take a portfolio_update, or a valuation that was asked for: only that has *unpriced*.
   * isComplete: it has all holdings that have a value.
   */
  value({ holdings, unpriced, ...totals }, isComplete = unpriced !== undefined) {
    if (isComplete) this.#holdings.clear();
    if (unpriced) {
      this.#unpriced = new Map(unpriced.map(({ symbol, reason }) => [symbol, reason]));
    }
    for (const holding of holdings) {
      this.#holdings.set(holding.symbol, holding);
      this.#unpriced.delete(holding.symbol);
    }
    if (!totals.partial) this.#unpriced.clear();
    this.totals = totals;
    this.receivedAt = Date.now();
    this.version += 1;
    this.#announce();
  }

  /** Take a price_update, or a price that was asked for, which also has the name and why it is stale. */
  price(price) {
    const { symbol, change_percent = price.daily_change_percent, market_status, name, is_stale, stale_reason } = price;
    const known = this.#prices.get(symbol);
    this.#prices.set(symbol, {
      changePercent: change_percent,
      marketStatus: market_status,
      isStale: is_stale,
      name: name ?? known?.name,
      staleReason: stale_reason ?? (is_stale ? known?.staleReason : null),
    });
    this.#announce();
  }

  /** @returns {Row[]} by symbol */
  get rows() {
    const priced = [...this.#holdings.values()].map((holding) => ({ ...holding, unpriced: null }));
    const others = [...this.#unpriced].map(([symbol, unpriced]) => ({ symbol, unpriced }));
    return [...priced, ...others]
      .map((row) => ({ ...row, details: this.#prices.get(row.symbol) }))
      .sort((a, b) => (a.symbol < b.symbol ? -1 : 1));
  }

  get isEmpty() {
    return this.#holdings.size + this.#unpriced.size === 0;
  }

  /** Whether any figure comes from the simulated source. */
  get isSimulated() {
    return [...this.#holdings.values()].some(({ source }) => source === "simulated");
  }

  /** Whether the holdings here are those of the totals; a removal elsewhere is told only by the totals. */
  get isWhole() {
    if (!this.totals) return true;
    const values = [...this.#holdings.values()].map((holding) => holding.market_value);
    return addsUp(values, this.totals.total_value) && (!this.totals.partial || this.#unpriced.size > 0);
  }

  #announce() {
    if (this.#announced) return;
    this.#announced = true;
    requestAnimationFrame(() => {
      this.#announced = false;
      this.dispatchEvent(new Event("change"));
    });
  }
}
