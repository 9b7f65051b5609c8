/** What a stream tells; nothing to run. */

/**
 * @typedef {object} Condition how far the values can be trusted
 * @property {"connecting" | "connected" | "reconnecting" | "offline" | "paused" | "refused"} state paused: by an
 *   administrator. offline: this computer has no network. refused: it is not tried again
 * @property {string?} reason of a refusal: signed_out, gone when none of the portfolios is there, or barred when
 *   the server does not answer to pages of this origin
 * @property {number?} since the last sign of life, in ms of this computer's clock
 * @property {{reason: string, until: string?}?} paused why, and until when
 * @property {"connected" | "reconnecting" | "error"} feed whether a source of prices works; reconnecting: it will be
 *   tried again
 * @property {number?} nextUpdateAt when new prices are due, in ms of this computer's clock
 * @property {string[]} current the portfolios and symbols that this connection has brought
 * @property {string[]} crowdedOut those that are wanted, but for which the stream has no room
 */

/**
 * @typedef {object} Holding price and currency are the quote's, every other amount is in the portfolio's currency;
 *   amounts are decimal strings
 * @property {string} symbol
 * @property {string} quantity
 * @property {string} price
 * @property {string} currency
 * @property {string} market_value
 * @property {string?} daily_change
 * @property {string} unrealized_gain_loss
 * @property {boolean} is_stale
 * @property {string} source
 * @property {string} last_updated
 */

/**
 * @typedef {object} PortfolioUpdate amounts are decimal strings
 * @property {string} portfolio_id
 * @property {string} currency
 * @property {string} total_value
 * @property {string} total_cost_basis
 * @property {string} unrealized_gain_loss
 * @property {string?} daily_change
 * @property {string?} daily_change_percent
 * @property {string?} last_updated
 * @property {number} stale_price_count
 * @property {number} fresh_percent
 * @property {number?} oldest_price_age_seconds when it was sent
 * @property {boolean} partial whether a holding without a price is left out
 * @property {Holding[]} holdings the changed ones, or all
 */

/**
 * @typedef {object} PriceUpdate decimal strings
 * @property {string} symbol
 * @property {string} price
 * @property {string?} previous_close
 * @property {string?} change
 * @property {string?} change_percent
 * @property {number?} volume
 * @property {string} currency
 * @property {string} market_status
 * @property {string} source
 * @property {string} last_updated
 * @property {boolean} is_stale
 */

/**
 * @typedef {object} Listener what a subscription is told; each is optional
 * @property {(update: PortfolioUpdate, isComplete: boolean, receivedAt: number) => void} [portfolio] isComplete: with
 *   all its holdings. receivedAt: when the stream brought it, in ms of this computer's clock
 * @property {(update: PriceUpdate, receivedAt: number) => void} [price] of a symbol asked for, or held in a portfolio
 *   asked for
 * @property {(id: string) => void} [gone] a portfolio was removed, or is this viewer's no longer
 */

export {};
