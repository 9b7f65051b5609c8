/** The last of everything a stream brought, for a tab that comes later and for a subscription made later. */

/** @typedef {import("./stream-types.js").PortfolioUpdate} PortfolioUpdate */
/** @typedef {import("./stream-types.js").PriceUpdate} PriceUpdate */
/** @typedef {import("./stream-types.js").Holding} Holding */

export class Memory {
  /** @type {Map<string, {totals: PortfolioUpdate, holdings: Map<string, Holding>}>} */
  #portfolios = new Map();
  /** @type {Map<string, PriceUpdate>} */
  #prices = new Map();

  /**
   * Keep an update; of an incomplete one, what it does not name stays as it was.
   * @param {PortfolioUpdate} update
   * @param {boolean} isComplete
   * @returns {string[]} the symbols that it holds and that were not known to be held
   */
  value(update, isComplete) {
    const holdings = this.#portfolios.get(update.portfolio_id)?.holdings ?? new Map();
    const fresh = update.holdings.map(({ symbol }) => symbol).filter((symbol) => !holdings.has(symbol));
    if (isComplete) holdings.clear();
    for (const holding of update.holdings) holdings.set(holding.symbol, holding);
    this.#portfolios.set(update.portfolio_id, { totals: update, holdings });
    return fresh;
  }

  /** @param {PriceUpdate} update */
  price(update) {
    this.#prices.set(update.symbol, update);
  }

  /** @param {string} id */
  forget(id) {
    this.#portfolios.delete(id);
  }

  /** @param {string} id @returns {PortfolioUpdate | undefined} with all holdings */
  portfolio(id) {
    const known = this.#portfolios.get(id);
    return known && { ...known.totals, holdings: [...known.holdings.values()] };
  }

  /** @param {string} id @param {string} symbol */
  holds(id, symbol) {
    return this.#portfolios.get(id)?.holdings.has(symbol) ?? false;
  }

  /** @param {string[]} portfolios @param {string[]} symbols what is known of these, and of what they hold */
  about(portfolios, symbols) {
    const values = portfolios.flatMap((id) => this.portfolio(id) ?? []);
    const names = new Set([...symbols, ...values.flatMap(({ holdings }) => holdings.map(({ symbol }) => symbol))]);
    return { values, prices: [...names].flatMap((symbol) => this.#prices.get(symbol) ?? []) };
  }
}
