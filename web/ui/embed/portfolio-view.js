import { ratio } from "../format.js";
import { Ledger } from "../ledger.js";
import { ValuationReader } from "../valuation-reader.js";
import { View } from "./view.js";

/** @typedef {import("./rights.js").Right} Right */
/** @typedef {import("../ledger.js").Row} Row */

const RENEW_EVERY = 30_000; // ms

/** What is known of one portfolio; its name is its id, or LINKED. */
export class PortfolioView extends View {
  ledger = new Ledger();
  isStreamed = true;
  #id;
  #reader;
  #renewedAt = 0;
  #ending = new AbortController();

  /** @param {Right} right @param {string} id */
  constructor(right, id) {
    super(right, id);
    this.#id = id;
    const { signal } = this.#ending;
    this.#reader = new ValuationReader(this.ledger, valuation, (error) => this.#hasRead(error));
    signal.addEventListener("abort", this.#reader.watch(() => this.isLive && Boolean(right.link)));
    this.ledger.addEventListener("change", () => this.#changed(), { signal });
    const stop = right.stream.subscribe(
      { portfolios: [id] },
      {
        portfolio: (update, ...how) => {
          this.#know(update.portfolio_id);
          this.ledger.value(update, ...how);
        },
        price: (update) => this.ledger.price(update),
        gone: () => this.#end(),
      },
    );
    signal.addEventListener("abort", stop);
  }

  get isLive() {
    return !this.isGone && this.right.stream.isLive(this.#id);
  }

  get receivedAt() {
    return this.ledger.receivedAt;
  }

  /** @param {string} symbol */
  quote(symbol) {
    const row = this.ledger.row(symbol);
    return row && { ...row, percent: row.details?.changePercent ?? dayPercent(row) };
  }

  /** Whether it is known that it does not hold a symbol. @param {string} symbol */
  lacks(symbol) {
    return this.isLive && Boolean(this.ledger.totals) && this.ledger.isWhole && !this.ledger.row(symbol);
  }

  close() {
    this.#ending.abort();
    this.#reader.path = "";
  }

  /** Only a link can ask for the valuation. @param {string} id */
  #know(id) {
    this.#id = id;
    const { server, link } = this.right;
    if (link) this.#reader.path = `${server}/api/v1/portfolios/${id}/valuation?${new URLSearchParams({ link })}`;
  }

  /** Without the valuation, a new snapshot tells what was removed. */
  #changed() {
    this.tell();
    if (this.right.link || this.ledger.isConsistent || Date.now() - this.#renewedAt < RENEW_EVERY) return;
    this.#renewedAt = Date.now();
    this.right.stream.renew();
  }

  /** @param {Error & {status?: number}} [error] */
  #hasRead(error) {
    if (error && [401, 403, 404].includes(error.status ?? 0)) this.#end();
  }

  #end() {
    this.isGone = true;
    this.close();
    this.tell();
  }
}

/** The day's change in percent of the value before. @param {Row} row */
export function dayPercent({ daily_change: change, market_value: value }) {
  return change == null ? null : ratio(change, Number(value) - Number(change));
}

/** @param {string} url */
async function valuation(url) {
  const response = await fetch(url, { cache: "no-store", credentials: "omit" });
  if (!response.ok) throw Object.assign(new Error(`${response.status}`), { status: response.status });
  return response.json();
}
