/**
 * What is known of the portfolio on the page: the last valuation, and the changes since.
 * Tells "change" at most once a frame, however many events a batch has.
 */

import { addsUp } from "./decimal.js";

/** @typedef {import("./stream-types.js").PortfolioUpdate} PortfolioUpdate */
/** @typedef {import("./stream-types.js").Holding} Holding */

/**
 * @typedef {object} Details what is known of a price
 * @property {string?} changePercent
 * @property {string} marketStatus
 * @property {boolean} isStale
 * @property {string} [name]
 * @property {string?} staleReason
 */

/** @typedef {{symbol: string, reason: string}} Unpriced */

/**
 * @typedef {{symbol: string, unpriced: string?, details?: Details} & Partial<Holding>} Row one line of the holdings: a
 *   new object whenever anything in it has changed. unpriced: why there is no value; then there are no amounts either
 */

export class Ledger extends EventTarget {
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {string[]?} */
  #sorted = null;
  /** @type {Map<string, Details>} */
  #prices = new Map();
  #announced = false;

  /**
   * The totals: a portfolio_update without its holdings; null until the first.
   * @type {Omit<PortfolioUpdate, "holdings">?}
   */
  totals = null;
  /** When the totals came, in milliseconds of the viewer's clock. */
  receivedAt = 0;
  /** How many valuations have come. */
  version = 0;

  /** Forget the portfolio; prices are everybody's. */
  clear() {
    this.#rows.clear();
    this.#sorted = null;
    this.totals = null;
    this.#announce();
  }

  /**
   * Take a portfolio_update, or a valuation that was asked for: only that has *unpriced*.
   * isComplete: it has all holdings that have a value. receivedAt: when it came, which may be long ago.
   * @param {PortfolioUpdate & {unpriced?: Unpriced[]}} value
   */
  value({ holdings, unpriced, ...totals }, isComplete = unpriced !== undefined, receivedAt = Date.now()) {
    const leaving = this.#symbolsOf((row) => (row.unpriced ? Boolean(unpriced) || !totals.partial : isComplete));
    for (const { symbol, reason } of unpriced ?? []) this.#put({ symbol, unpriced: reason }, leaving);
    for (const holding of holdings) this.#put({ ...holding, unpriced: null }, leaving);
    for (const symbol of leaving) this.#rows.delete(symbol);
    if (leaving.size) this.#sorted = null;
    this.totals = totals;
    this.receivedAt = receivedAt;
    this.version += 1;
    this.#announce();
  }

  /**
   * Take a price_update, or a price that was asked for, which also has the name and why it is stale.
   * @param {any} price
   */
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
    const row = this.#rows.get(symbol);
    if (row) this.#put(row, new Set());
    this.#announce();
  }

  /** In order; the same array until one comes or goes. @returns {string[]} */
  get symbols() {
    this.#sorted ??= [...this.#rows.keys()].sort();
    return this.#sorted;
  }

  /** @returns {Row[]} by symbol */
  get rows() {
    return this.symbols.map((symbol) => /** @type {Row} */ (this.#rows.get(symbol)));
  }

  /** @param {string} symbol @returns {Row | undefined} */
  row(symbol) {
    return this.#rows.get(symbol);
  }

  get isEmpty() {
    return this.#rows.size === 0;
  }

  /** Whether any figure comes from the simulated source. */
  get isSimulated() {
    return [...this.#rows.values()].some(({ source }) => source === "simulated");
  }

  /** Whether the values here are those of the totals; a removal elsewhere is told only by the totals. */
  get isConsistent() {
    return !this.totals || addsUp(this.#values, this.totals.total_value);
  }

  /** Whether the holdings without a price are known as well, where there are some. */
  get isWhole() {
    return this.isConsistent && (!this.totals?.partial || this.#values.length < this.#rows.size);
  }

  get #values() {
    return [...this.#rows.values()].flatMap(({ unpriced, market_value: value }) => (unpriced || !value ? [] : value));
  }

  /** @param {Row} row @param {Set<string>} leaving */
  #put(row, leaving) {
    const { symbol } = row;
    if (!this.#rows.has(symbol)) this.#sorted = null;
    this.#rows.set(symbol, { ...row, details: this.#prices.get(symbol) });
    leaving.delete(symbol);
  }

  /** @param {(row: Row) => boolean} isMeant */
  #symbolsOf(isMeant) {
    return new Set([...this.#rows.values()].filter(isMeant).map(({ symbol }) => symbol));
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
