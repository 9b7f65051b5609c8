/** What the leading tab does: it keeps one stream open for all, and passes on what it hears. */

import { LINKED } from "./stream-address.js";
import { Connection } from "./stream-connection.js";
import { Memory } from "./stream-memory.js";
import { Wants } from "./stream-wants.js";

const SETTLE = { more: 30, less: 5_000, unseen: 60_000 }; // ms before a stream follows what is wanted

/** @typedef {import("./stream-types.js").Condition} Condition */
/** @typedef {import("./stream-address.js").Address} Address */

export class Leader {
  #address;
  #tell;
  #connection;
  #wants = new Wants();
  /** What a link opens, once that is known. */
  #linked = LINKED;
  #memory = new Memory();
  /** @type {Set<string>} */
  #gone = new Set();
  #carried = { portfolios: /** @type {string[]} */ ([]), symbols: /** @type {string[]} */ ([]) };
  #isOpen = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #settling;
  #announced = "";
  /** @type {Set<string>} portfolios and symbols that this connection has brought */
  #current = new Set();
  /** @type {Condition} */
  #condition = {
    state: "connecting", reason: null, since: null, paused: null, feed: "connected", nextUpdateAt: null, current: [],
    crowdedOut: [],
  };

  /**
   * @param {Address} address
   * @param {number} heartbeat ms
   * @param {string} lastEventId the last that this tab has heard
   * @param {(message: object) => void} tell all tabs, this one too
   */
  constructor(address, heartbeat, lastEventId, tell) {
    this.#address = address;
    this.#tell = tell;
    this.#connection = new Connection(
      {
        address: (last) => (this.#current.clear(), address.of(this.#carried, last)),
        why: () => this.#why(),
        hear: (name, message, id) => this.#hear(name, message, id),
        become: (state, reason) => this.#become(state, reason),
      },
      heartbeat,
      lastEventId,
    );
  }

  close() {
    clearTimeout(this.#settling);
    this.#connection.close();
  }

  /** A tab listens to this from now on. @param {string} tab @param {import("./stream-wants.js").Want} want */
  want(tab, { portfolios, ...others }) {
    const want = { ...others, portfolios: portfolios.map((id) => (id === LINKED ? this.#linked : id)) };
    const before = this.#wants.get(tab);
    for (const id of want.portfolios) if (!before?.portfolios.includes(id)) this.#gone.delete(id);
    this.#wants.set(tab, want);
    this.#settle();
    const known = this.#memory.about(want.portfolios.filter((id) => this.#current.has(id)), want.symbols);
    this.#tell({ type: "known", to: tab, condition: this.#condition, ...known });
  }

  /** @param {string} tab */
  left(tab) {
    this.#wants.delete(tab);
    this.#settle();
  }

  check() {
    this.#connection.check();
  }

  renew() {
    if (this.#isOpen) this.#connection.reopen();
  }

  /** A tab has heard nothing for long. */
  answer() {
    this.check();
    this.#tell({ type: "condition", condition: this.#condition });
  }

  /** What is new is opened at once; what nobody wants or sees any more is given back after a while. */
  #settle() {
    clearTimeout(this.#settling);
    const { portfolios, symbols } = this.#choose();
    const carried = this.#carried;
    const more =
      portfolios.some((id) => !carried.portfolios.includes(id)) || symbols.some((id) => !carried.symbols.includes(id));
    const isLess = portfolios.length < carried.portfolios.length || symbols.length < carried.symbols.length;
    if (this.#wants.isWatched && (more || !this.#isOpen)) this.#settling = setTimeout(() => this.#open(), SETTLE.more);
    else if (!this.#wants.isWatched) this.#settling = setTimeout(() => this.#rest(), SETTLE.unseen);
    else if (isLess) this.#settling = setTimeout(() => this.#open(), SETTLE.less);
  }

  /** What to carry; what there is no room for is told with the condition. */
  #choose() {
    const { crowdedOut, ...carried } = this.#wants.chosen(this.#gone);
    this.#condition = { ...this.#condition, crowdedOut };
    return carried;
  }

  #open() {
    this.#carried = this.#choose();
    if (!this.#carried.portfolios.length && !this.#carried.symbols.length) return this.#rest();
    if (this.#isOpen) this.#connection.reopen();
    else this.#connection.open();
    this.#isOpen = true;
  }

  /** Nobody looks: the server need not keep a stream open. */
  #rest() {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#connection.close();
    this.#carried = { portfolios: [], symbols: [] };
    this.#current.clear();
    this.#become(this.#condition.state === "refused" ? "refused" : "connecting", this.#condition.reason);
  }

  /** Ask what is wrong: a portfolio that is gone is left out, and the others go on. @returns {Promise<string?>} */
  async #why() {
    if (await this.#address.isBarred()) return "barred";
    const { portfolios: carried } = this.#carried;
    const portfolios = carried.length ? carried : [LINKED];
    const verdicts = await Promise.all(portfolios.map((id) => this.#address.verdict(id)));
    if (verdicts.includes("signed_out")) return "signed_out";
    const gone = portfolios.filter((_, index) => verdicts[index] === "gone");
    for (const portfolio of gone) {
      this.#gone.add(portfolio);
      this.#memory.forget(portfolio);
      this.#tell({ type: "gone", portfolio });
    }
    if (!gone.length) return null;
    const { portfolios: left, symbols } = (this.#carried = this.#choose());
    return left.length + symbols.length ? null : "gone";
  }

  /** @param {string} name @param {{data: any, timestamp: string}} message @param {string} id */
  #hear(name, { data, timestamp }, id) {
    const now = Date.now();
    let isComplete = false;
    if (name === "portfolio_update") {
      if (this.#carried.portfolios.includes(LINKED)) this.#learn(data.portfolio_id);
      isComplete = !this.#current.has(data.portfolio_id);
      this.#current.add(data.portfolio_id);
      this.#memory.value(data, isComplete, now);
    } else if (name === "price_update") this.#memory.price(data, now);
    else {
      if (name === "connection_status") for (const symbol of this.#carried.symbols) this.#current.add(symbol);
      const { status: feed, paused = this.#condition.paused, next_update_in: next } = data;
      const nextUpdateAt = next === null ? null : now + next * 1000;
      this.#condition = { ...this.#condition, feed, paused, nextUpdateAt };
    }
    this.#condition.since = now;
    this.#tell({ type: "event", name, data, timestamp, id, isComplete, receivedAt: now });
  }

  /** Which portfolio the link opens. @param {string} id */
  #learn(id) {
    this.#linked = id;
    this.#wants.rename(LINKED, id);
    this.#carried = { portfolios: [id], symbols: [] };
  }

  /** @param {import("./stream-connection.js").LinkState} link @param {string?} reason */
  #become(link, reason) {
    if (link !== "connected") this.#current.clear();
    const state = link === "connected" && this.#condition.paused ? "paused" : link;
    this.#condition = { ...this.#condition, state, reason, current: [...this.#current] };
    const { since: _, ...told } = this.#condition;
    const announced = JSON.stringify(told);
    if (announced === this.#announced) return;
    this.#announced = announced;
    this.#tell({ type: "condition", condition: this.#condition });
  }
}
