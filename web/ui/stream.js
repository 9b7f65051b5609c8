/**
 * The event stream of one portfolio, and how far what it brought can be trusted.
 *
 * EventSource reconnects by itself after a lost connection; after an answer that is not a stream
 * it gives up, and when the network falls silent it notices nothing. Both are handled here.
 * Tells "portfolio_update" and "price_update" with their data as detail, "condition" when the
 * indicator changes, and "refused" when somebody should ask why.
 */

import { clock } from "./clock.js";

const PATH = "/api/v1/market-data/stream";
const SILENT_HEARTBEATS = 2; // without a sign of life for longer, values are stale
const REOPEN_AFTER = 15_000; // ms of silence at least, before a connection that looks open is replaced
const HIDDEN_FOR = 60_000; // ms after which a hidden page gives its connection back: browsers allow six a server
const RETRY = { first: 1_000, most: 30_000 }; // ms, before jitter

/**
 * @typedef {object} Condition
 * @property {"connecting" | "connected" | "reconnecting" | "stale"} state
 * @property {Date?} since   the last sign of life
 * @property {{reason: string, until: string?}?} paused updates are stopped
 * @property {"connected" | "reconnecting" | "error"} feed how the sources of prices are
 * @property {boolean} isLive whether the values may look live
 */

export class Stream extends EventTarget {
  #query;
  #heartbeat;
  #source = null;
  #state = "connecting";
  #paused = null;
  #feed = "connected";
  #isCurrent = false; // this connection has brought a value
  #seenAt = 0;
  #openedAt = 0;
  #lastEventId = "";
  #failures = 0;
  #retry = 0;
  #watch = 0;
  #hiding = 0;
  #announced = "";
  #listening = new AbortController();

  /**
   * @param {Record<string, string>} query portfolio_ids and, for a shared portfolio, link
   * @param {number} heartbeatSeconds how often the server gives a sign of life
   */
  constructor(query, heartbeatSeconds) {
    super();
    this.#query = query;
    this.#heartbeat = heartbeatSeconds * 1000;
  }

  open() {
    const { signal } = this.#listening;
    this.#watch = setInterval(() => this.#check(), 1000);
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
    addEventListener("online", () => this.#check(), { signal });
    addEventListener("pagehide", () => this.#disconnect(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.#connect(), { signal });
    this.#connect();
  }

  close() {
    this.#listening.abort();
    clearInterval(this.#watch);
    clearTimeout(this.#hiding);
    this.#disconnect();
  }

  /** @returns {Condition} */
  get condition() {
    return {
      state: this.#state,
      since: this.#seenAt ? new Date(this.#seenAt) : null,
      paused: this.#paused,
      feed: this.#feed,
      isLive: this.#state === "connected" && this.#isCurrent && !this.#paused,
    };
  }

  // -- The connection --------------------------------------------------------------------

  #connect() {
    this.#disconnect();
    const query = new URLSearchParams(this.#query);
    if (this.#lastEventId) query.set("last_event_id", this.#lastEventId);
    const source = (this.#source = new EventSource(`${PATH}?${query}`));
    this.#openedAt = Date.now();
    for (const name of ["connection_status", "heartbeat", "portfolio_update", "price_update", "closing"]) {
      source.addEventListener(name, (event) => this.#receive(name, event));
    }
    source.addEventListener("error", (event) => {
      if (event instanceof MessageEvent) this.#receive("error", event);
      else this.#lose(source);
    });
  }

  #disconnect() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
    this.#isCurrent = false;
  }

  /** The connection broke; the browser tries again unless the answer was no stream. */
  #lose(source) {
    this.#isCurrent = false;
    this.#become(this.#state === "stale" ? "stale" : this.#seenAt ? "reconnecting" : "connecting");
    if (source.readyState !== EventSource.CLOSED) return;
    this.dispatchEvent(new Event("refused"));
    if (this.#source !== source) return; // it was closed meanwhile
    const wait = Math.min(RETRY.first * 2 ** this.#failures, RETRY.most);
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#connect(), wait * (0.5 + Math.random()));
  }

  /** Values must not look live when nothing has been heard for long, whatever the connection looks like. */
  #check() {
    const now = Date.now();
    const patience = SILENT_HEARTBEATS * this.#heartbeat;
    if (now - (this.#seenAt || this.#openedAt) <= patience) return;
    if (this.#seenAt) this.#become("stale");
    const isHung = this.#source !== null && this.#source.readyState !== EventSource.CLOSED;
    if (isHung && now - Math.max(this.#seenAt, this.#openedAt) > Math.max(patience, REOPEN_AFTER)) this.#connect();
  }

  #visibilityChanged() {
    clearTimeout(this.#hiding);
    if (document.hidden) {
      this.#hiding = setTimeout(() => {
        this.#disconnect();
        this.#become("reconnecting");
      }, HIDDEN_FOR);
    } else {
      this.#check();
      if (!this.#source) this.#connect();
    }
  }

  // -- Events ----------------------------------------------------------------------------

  #receive(name, event) {
    const { data, timestamp } = JSON.parse(event.data);
    this.#lastEventId = event.lastEventId || this.#lastEventId;
    this.#seenAt = Date.now();
    this.#failures = 0;
    if (name === "closing") return this.#become("reconnecting");
    if (name === "error") return this.dispatchEvent(new Event("refused"));
    if (name === "connection_status" || name === "heartbeat") {
      clock.set(timestamp);
      this.#feed = data.status;
      if (data.paused !== undefined) this.#paused = data.paused;
    } else {
      this.#isCurrent ||= name === "portfolio_update";
      this.dispatchEvent(new CustomEvent(name, { detail: data }));
    }
    this.#become("connected");
  }

  #become(state) {
    this.#state = state;
    const announced = JSON.stringify([state, this.#isCurrent, this.#paused, this.#feed]);
    if (announced === this.#announced) return;
    this.#announced = announced;
    this.dispatchEvent(new Event("condition"));
  }
}
