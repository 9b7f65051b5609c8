/**
 * The live stream of a market-actors server, for a page: connects, resumes, backs off, notices a
 * dead connection, and shares one stream between all tabs of the browser.
 *
 *     const stream = new MarketStream();
 *     const stop = stream.subscribe({ portfolios: [id] }, { portfolio: (update) => show(update.total_value) });
 *     stream.addEventListener("condition", () => mark(stream.isLive(id)));
 */

import { Address, LINKED } from "./stream-address.js";
import { patience } from "./stream-connection.js";
import { Leader } from "./stream-leader.js";
import { Memory } from "./stream-memory.js";
import { Tabs } from "./stream-tabs.js";

export { LINKED };

const ANSWER_WITHIN = 3_000; // ms for a leader that is asked whether it still hears anything

/** As the server writes ids and symbols, which it takes in either case. @param {string} name */
const asId = (name) => name.toLowerCase();
/** @param {string} name */
const asSymbol = (name) => name.toUpperCase();

/** @typedef {import("./stream-types.js").Condition} Condition */
/** @typedef {import("./stream-types.js").PortfolioUpdate} PortfolioUpdate */
/** @typedef {import("./stream-types.js").PriceUpdate} PriceUpdate */
/** @typedef {import("./stream-types.js").Listener} Listener */
/** @typedef {{portfolios: string[], symbols: string[], listener: Listener}} Subscription */

/** Tells "condition" when that changes, and "clock" with the server's time as detail when a sign of life brings it. */
export class MarketStream extends EventTarget {
  #address;
  #heartbeat;
  #tabs;
  #memory = new Memory();
  /** @type {Set<Subscription>} */
  #subscriptions = new Set();
  /** @type {Leader?} */
  #leader = null;
  #ledBy = "";
  #lastEventId = "";
  #heardAt = Date.now();
  #askedAt = 0;
  #since = Date.now();
  #joined;
  #ended = new AbortController();
  /** @type {Condition} */
  #condition = {
    state: "connecting", reason: null, since: null, paused: null, feed: "connected", nextUpdateAt: null, current: [],
    crowdedOut: [],
  };

  /**
   * @param {import("./stream-address.js").Right & {audience?: string, heartbeatSeconds?: number}} options audience:
   *   tabs share a stream when base, link and audience are the same: name the user here. heartbeatSeconds:
   *   MARKET_HEARTBEAT_SECONDS of the server
   */
  constructor({ audience = "", heartbeatSeconds = 30, ...right } = {}) {
    super();
    this.#address = new Address(right);
    this.#heartbeat = heartbeatSeconds * 1000;
    const name = `market-stream ${JSON.stringify([right.base ?? "", right.link ?? "", audience])}`;
    this.#tabs = new Tabs(name, {
      lead: () => this.#lead(),
      follow: () => this.#follow(),
      hear: (from, message) => this.#hearTab(from, message),
    });
    const { signal } = this.#ended;
    const watch = setInterval(() => this.#check(), 1_000);
    signal.addEventListener("abort", () => clearInterval(watch));
    document.addEventListener("visibilitychange", () => this.#seenAgain(), { signal });
    addEventListener("pagehide", () => this.#leave(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.#join(), { signal });
    this.#joined = this.#join();
  }

  /** @returns {Condition} */
  get condition() {
    return this.#condition;
  }

  /** Whether what is known of a portfolio or symbol may look live. @param {string} name */
  isLive(name) {
    const { state, feed, current } = this.#condition;
    const isCurrent = current.includes(asId(name)) || current.includes(asSymbol(name));
    return state === "connected" && feed === "connected" && isCurrent;
  }

  /**
   * Hear of portfolios and symbols, at first what is known of them now. Of more than five portfolios or a hundred
   * symbols in all tabs together, those in visible tabs are carried, the latest first; condition.crowdedOut names the
   * others.
   * The portfolio of a link may be asked for as LINKED; its updates name it.
   * @param {{portfolios?: string[], symbols?: string[]}} what
   * @param {Listener} listener
   * @returns {() => void} ends the subscription
   */
  subscribe({ portfolios = [], symbols = [] }, listener) {
    const subscription = { portfolios: portfolios.map(asId), symbols: symbols.map(asSymbol), listener };
    this.#subscriptions.add(subscription);
    this.#since = Date.now();
    const { values, prices } = this.#memory.about(subscription.portfolios, subscription.symbols);
    for (const { update, receivedAt } of values) listener.portfolio?.(update, true, receivedAt);
    for (const { update, receivedAt } of prices) listener.price?.(update, receivedAt);
    this.#tellWants();
    return () => {
      if (this.#subscriptions.delete(subscription)) this.#tellWants();
    };
  }

  /** Connect anew: what comes first is then all holdings of each portfolio. */
  renew() {
    if (this.#leader) this.#leader.renew();
    else this.#tabs.tell({ type: "renew" });
  }

  /** End it for this tab; if it leads, another takes over. */
  close() {
    this.#ended.abort();
    this.#leave();
  }

  // -- Roles -----------------------------------------------------------------------------

  async #join() {
    await this.#tabs.join();
    this.#tellWants();
  }

  #leave() {
    this.#follow();
    this.#tabs.leave();
  }

  #lead() {
    this.#follow();
    this.#leader = new Leader(this.#address, this.#heartbeat, this.#lastEventId, (message) => {
      this.#tabs.tell(message);
      this.#hear(message);
    });
    this.#tabs.tell({ type: "lead" });
    this.#tellWants();
  }

  #follow() {
    this.#leader?.close();
    this.#leader = null;
  }

  async #tellWants() {
    await this.#joined;
    const all = [...this.#subscriptions];
    const want = {
      portfolios: all.flatMap(({ portfolios }) => portfolios),
      symbols: all.flatMap(({ symbols }) => symbols),
      isVisible: !document.hidden,
      since: this.#since,
    };
    if (this.#leader) this.#leader.want(this.#tabs.id, want);
    else this.#tabs.tell({ type: "want", want });
  }

  #seenAgain() {
    this.#since = Date.now();
    this.#check();
    this.#tellWants();
  }

  /** A tab that hears nothing does not look live; a leader that hears nothing either is replaced. */
  #check() {
    if (this.#leader) return this.#leader.check();
    const now = Date.now();
    if (!this.#subscriptions.size || now - this.#heardAt <= patience(this.#heartbeat)) return;
    if (["connected", "paused"].includes(this.#condition.state)) this.#become({ state: "reconnecting", current: [] });
    if (!this.#askedAt) {
      this.#askedAt = now;
      this.#tabs.tell({ type: "check" });
    } else if (now - this.#askedAt > ANSWER_WITHIN) {
      this.#askedAt = 0;
      this.#heardAt = now;
      this.#tabs.seize();
    }
  }

  // -- Messages --------------------------------------------------------------------------

  /** @param {string} from @param {any} message of another tab */
  #hearTab(from, message) {
    if (message.type === "lead") {
      this.#ledBy = from;
      this.#follow();
      this.#tellWants();
    } else if (message.type === "want") {
      if (this.#leader) {
        this.#tabs.watch(from, () => this.#leader?.left(from));
        this.#leader.want(from, message.want);
      }
    } else if (message.type === "check") this.#leader?.answer();
    else if (message.type === "renew") this.#leader?.renew();
    else if (!this.#leader && (message.type === "known" || from === this.#ledBy)) {
      this.#ledBy = from;
      this.#hear(message);
    }
  }

  /** @param {any} message of the leader */
  #hear(message) {
    this.#heardAt = Date.now();
    this.#askedAt = 0;
    if (message.type === "condition") this.#become(message.condition);
    else if (message.type === "gone") this.#tellGone(message.portfolio);
    else if (message.type === "event") this.#receive(message);
    else if (message.to === this.#tabs.id) {
      for (const { update, receivedAt } of message.values) this.#tellPortfolio(update, true, receivedAt);
      for (const { update, receivedAt } of message.prices) this.#tellPrice(update, receivedAt);
      this.#become(message.condition);
    }
  }

  /** @param {any} event */
  #receive({ name, data, timestamp, id, isComplete, receivedAt }) {
    this.#lastEventId = id || this.#lastEventId;
    this.#condition.since = receivedAt;
    if (name === "portfolio_update") this.#tellPortfolio(data, isComplete, receivedAt);
    else if (name === "price_update") this.#tellPrice(data, receivedAt);
    else this.dispatchEvent(new CustomEvent("clock", { detail: timestamp }));
  }

  /** @param {PortfolioUpdate} update @param {boolean} isComplete @param {number} receivedAt */
  #tellPortfolio(update, isComplete, receivedAt) {
    const id = update.portfolio_id;
    const fresh = this.#memory.value(update, isComplete, receivedAt);
    for (const subscription of this.#subscriptions) {
      const { portfolios, listener } = subscription;
      if (!portfolios.includes(id) && !portfolios.includes(LINKED)) continue;
      subscription.portfolios = portfolios.map((name) => (name === LINKED ? id : name));
      listener.portfolio?.(update, isComplete, receivedAt);
      for (const price of this.#memory.about([], fresh).prices) listener.price?.(price.update, price.receivedAt);
    }
  }

  /** @param {PriceUpdate} update @param {number} receivedAt */
  #tellPrice(update, receivedAt) {
    this.#memory.price(update, receivedAt);
    for (const { portfolios, symbols, listener } of this.#subscriptions) {
      const isHeld = portfolios.some((id) => this.#memory.holds(id, update.symbol));
      if (isHeld || symbols.includes(update.symbol)) listener.price?.(update, receivedAt);
    }
  }

  /** @param {string} id */
  #tellGone(id) {
    this.#memory.forget(id);
    for (const { portfolios, listener } of this.#subscriptions) if (portfolios.includes(id)) listener.gone?.(id);
  }

  /** @param {Partial<Condition>} condition */
  #become(condition) {
    this.#condition = { ...this.#condition, ...condition };
    this.dispatchEvent(new Event("condition"));
  }
}
