/**
 * The last of everything a stream brought, for a tab that comes later and for a subscription made later;
 * with the time of its receipt, so that it is not taken for news then.
 */

/** @typedef {import("./stream-types.js").PortfolioUpdate} PortfolioUpdate */
/** @typedef {import("./stream-types.js").PriceUpdate} PriceUpdate */
/** @typedef {import("./stream-types.js").Holding} Holding */

/**
 * @template T
 * @typedef {{update: T, receivedAt: number}} Received receivedAt: ms of this computer's clock, the same in all tabs
 */

export class Memory {
  /** @type {Map<string, {totals: PortfolioUpdate, holdings: Map<string, Holding>, receivedAt: number}>} */
  #portfolios = new Map();
  /** @type {Map<string, Received<PriceUpdate>>} */
  #prices = new Map();

  /**
   * Keep an update; of an incomplete one, what it does not name stays as it was.
   * @param {PortfolioUpdate} update
   * @param {boolean} isComplete
   * @param {number} receivedAt
   * @returns {string[]} the symbols that it holds and that were not known to be held
   */
  value(update, isComplete, receivedAt) {
    const holdings = this.#portfolios.get(update.portfolio_id)?.holdings ?? new Map();
    const fresh = update.holdings.map(({ symbol }) => symbol).filter((symbol) => !holdings.has(symbol));
    if (isComplete) holdings.clear();
    for (const holding of update.holdings) holdings.set(holding.symbol, holding);
    this.#portfolios.set(update.portfolio_id, { totals: update, holdings, receivedAt });
    return fresh;
  }

  /** @param {PriceUpdate} update @param {number} receivedAt */
  price(update, receivedAt) {
    this.#prices.set(update.symbol, { update, receivedAt });
  }

  /** @param {string} id */
  forget(id) {
    this.#portfolios.delete(id);
  }

  /** @param {string} id @returns {Received<PortfolioUpdate> | undefined} with all holdings */
  portfolio(id) {
    const known = this.#portfolios.get(id);
    if (!known) return undefined;
    const { totals, holdings, receivedAt } = known;
    return { update: { ...totals, holdings: [...holdings.values()] }, receivedAt };
  }

  /** @param {string} id @param {string} symbol */
  holds(id, symbol) {
    return this.#portfolios.get(id)?.holdings.has(symbol) ?? false;
  }

  /** @param {string[]} portfolios @param {string[]} symbols what is known of these, and of what they hold */
  about(portfolios, symbols) {
    const values = portfolios.flatMap((id) => this.portfolio(id) ?? []);
    const held = values.flatMap(({ update }) => update.holdings.map(({ symbol }) => symbol));
    const names = new Set([...symbols, ...held]);
    return { values, prices: [...names].flatMap((symbol) => this.#prices.get(symbol) ?? []) };
  }
}
