/**
 * One connection to the event stream: opened, watched, and replaced when it breaks or falls silent.
 * The browser's own way of reconnecting knows no back-off, keeps a spent ticket, gives up after an
 * answer that is no stream, and notices nothing when the network goes away without a word.
 */

import { waitAfter } from "./stream-backoff.js";

const EVENTS = ["connection_status", "heartbeat", "portfolio_update", "price_update", "closing"];
const GRACE = 2_000; // ms that a heartbeat may be late, beside a quarter of its period

/**
 * @typedef {object} Ends what a connection is given
 * @property {(lastEventId: string) => Promise<string>} address where the stream is; asked for each time. It may throw
 *   Refusal
 * @property {() => Promise<string?>} why asked after an answer that is no stream: the reason when trying again is in
 *   vain, else null
 * @property {(name: string, message: {data: any, timestamp: string}, lastEventId: string) => void} hear
 * @property {(state: LinkState, reason: string?) => void} become
 */

/** @typedef {"connecting" | "connected" | "reconnecting" | "offline" | "refused"} LinkState */

/** There is no right to the stream, and trying again will not help; its message says which right. */
export class Refusal extends Error {}

/** @param {number} heartbeat ms @returns {number} ms of silence after which a connection counts as dead */
export const patience = (heartbeat) => heartbeat * 1.25 + GRACE;

export class Connection {
  #ends;
  #patience;
  /** @type {EventSource?} */
  #source = null;
  #attempt = 0;
  #failures = 0;
  #hasConnected = false;
  #heardAt = 0;
  #advised = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #watch;
  #listening = new AbortController();

  /**
   * @param {Ends} ends
   * @param {number} heartbeat ms between two signs of life of the server
   * @param {string} lastEventId where to resume; empty: nowhere
   */
  constructor(ends, heartbeat, lastEventId) {
    this.#ends = ends;
    this.#patience = patience(heartbeat);
    this.lastEventId = lastEventId;
  }

  open() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    clearInterval(this.#watch);
    this.#watch = setInterval(() => this.check(), 1_000);
    addEventListener("offline", () => this.#fail("offline"), { signal });
    addEventListener("online", () => this.#connect(), { signal });
    this.#connect();
  }

  /** Connect anew, to another selection or with another right. */
  reopen() {
    this.#failures = 0;
    this.#connect();
  }

  close() {
    this.#listening.abort();
    clearInterval(this.#watch);
    this.#disconnect();
  }

  /** A connection that looks open but has long been silent is replaced; timers sleep when the computer does. */
  check() {
    if (!this.#source || Date.now() - this.#heardAt <= this.#patience) return;
    this.#ends.become(this.#lostState(), null);
    this.#connect();
  }

  async #connect() {
    this.#disconnect();
    const attempt = this.#attempt;
    let address;
    try {
      address = await this.#ends.address(this.lastEventId);
    } catch (error) {
      if (attempt !== this.#attempt) return;
      return error instanceof Refusal ? this.#refuse(error.message) : this.#fail();
    }
    if (attempt !== this.#attempt) return;
    const source = (this.#source = new EventSource(address, { withCredentials: true }));
    this.#heardAt = Date.now();
    for (const name of EVENTS) source.addEventListener(name, (event) => this.#receive(source, name, event));
    source.addEventListener("error", (event) => this.#break(source, event));
  }

  #disconnect() {
    this.#attempt += 1;
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  /** @param {EventSource} source @param {string} name @param {MessageEvent} event */
  #receive(source, name, event) {
    if (source !== this.#source) return;
    const message = JSON.parse(event.data);
    this.#heardAt = Date.now();
    this.#failures = 0;
    this.#hasConnected = true;
    if (name === "closing") {
      this.#advised = message.data.retry ?? 0;
      return this.#fail();
    }
    this.lastEventId = event.lastEventId || this.lastEventId;
    this.#ends.hear(name, message, event.lastEventId);
    this.#ends.become("connected", null);
  }

  /** The server ended the stream, refused it, or cannot be reached. @param {EventSource} source @param {Event} event */
  async #break(source, event) {
    if (source !== this.#source) return;
    const isAnswered = event instanceof MessageEvent || source.readyState === EventSource.CLOSED;
    this.#fail();
    if (!isAnswered) return;
    const attempt = this.#attempt;
    const reason = await this.#ends.why();
    if (reason !== null && attempt === this.#attempt) this.#refuse(reason);
  }

  /** Try again later. @param {LinkState} state */
  #fail(state = this.#lostState()) {
    this.#disconnect();
    const wait = this.#advised || waitAfter(this.#failures);
    this.#advised = 0;
    this.#failures += 1;
    this.#retry = setTimeout(() => this.#connect(), wait);
    this.#ends.become(state, null);
  }

  /** @param {string} reason */
  #refuse(reason) {
    this.#disconnect();
    this.#ends.become("refused", reason);
  }

  #lostState() {
    if (!navigator.onLine) return "offline";
    return this.#hasConnected ? "reconnecting" : "connecting";
  }
}
