import { clock } from "./clock.js";
import { fieldsOf, setChange, setLines, setText } from "./dom.js";
import { age, change, money, percent, ratio, share, time } from "./format.js";
import { reasonOf } from "./staleness.js";

const REASONS = {
  no_price: "has never had a price",
  no_rate: "has a price, but there is no exchange rate",
};

const ASK_EVERY = 15_000; // ms

/** <portfolio-summary>: the totals, how fresh they are and why not, and what they leave out. */
class PortfolioSummary extends HTMLElement {
  #ledger;
  #fields;
  #isLive = false;
  #nextUpdateAt = null;
  #askedAt = 0;

  /** Asks when new prices are due; the stream tells it only now and then. @type {(() => Promise<string?>)?} */
  askNext = null;

  /** @param {import("./ledger.js").Ledger} ledger */
  follow(ledger) {
    this.#ledger = ledger;
    this.#fields = fieldsOf(this);
    ledger.addEventListener("change", () => this.#show());
    setInterval(() => this.#showFreshness(), 1000);
  }

  /**
   * @param {boolean} isLive whether the values may look so
   * @param {number?} nextUpdateAt when new prices are due, in ms of the viewer's clock
   */
  trust(isLive, nextUpdateAt) {
    this.#isLive = isLive;
    this.#nextUpdateAt = nextUpdateAt;
    this.#showFreshness();
  }

  #show() {
    const { totals } = this.#ledger;
    if (!totals) return;
    const { currency } = totals;
    const gained = ratio(totals.unrealized_gain_loss, totals.total_cost_basis);
    setText(this.#fields.total, money(totals.total_value, currency));
    setText(this.#fields.cost, money(totals.total_cost_basis, currency));
    setChange(this.#fields.day, change(totals.daily_change, currency), totals.daily_change);
    setChange(this.#fields["day-percent"], percent(totals.daily_change_percent), totals.daily_change);
    setChange(this.#fields.gain, change(totals.unrealized_gain_loss, currency), totals.unrealized_gain_loss);
    setChange(this.#fields["gain-percent"], percent(gained), totals.unrealized_gain_loss);
    this.#showUnpriced();
    this.#showFreshness();
  }

  /** A value that is not live says of when it is; from midnight on that needs the day as well. */
  #showAsOf() {
    const field = this.#fields["as-of"];
    field.hidden = !this.#ledger.totals || this.#isLive;
    if (!field.hidden) setText(field, `not live: as of ${time(new Date(this.#ledger.receivedAt), { seconds: true })}`);
  }

  #showFreshness() {
    const { totals, receivedAt, isEmpty } = this.#ledger;
    this.#showAsOf();
    this.#showNext();
    this.#showStale();
    const isKnown = totals && !isEmpty && totals.oldest_price_age_seconds != null && this.#isLive;
    if (!isKnown) return setText(this.#fields.freshness, "");
    const oldest = totals.oldest_price_age_seconds + (Date.now() - receivedAt) / 1000;
    const fresh = `${share(totals.fresh_percent)} of prices are fresh`;
    setText(this.#fields.freshness, `${fresh}; the oldest is ${oldest < 5 ? "from just now" : `${age(oldest)} old`}`);
  }

  async #ask() {
    if (!this.askNext || !this.#isLive || Date.now() - this.#askedAt < ASK_EVERY) return;
    this.#askedAt = Date.now();
    const next = await this.askNext().catch(() => null); // the countdown is an extra
    if (next !== null) this.#nextUpdateAt = Date.now() + Date.parse(next) - clock.now();
  }

  #showNext() {
    if (this.#nextUpdateAt === null || this.#nextUpdateAt < Date.now()) this.#ask();
    const left = this.#nextUpdateAt === null ? null : (this.#nextUpdateAt - Date.now()) / 1000;
    const isShown = this.#isLive && left !== null && !this.#ledger.isEmpty;
    setText(this.#fields.next, isShown ? `Next update ${left < 1 ? "any moment" : `in ${age(left)}`}` : "");
  }

  #showStale() {
    const stale = this.#isLive ? this.#ledger.rows.filter((row) => row.is_stale) : [];
    this.#fields.staleness.hidden = !stale.length;
    if (!stale.length) return;
    const count = stale.length === 1 ? "1 price is stale" : `${stale.length} prices are stale`;
    setText(this.#fields["stale-count"], count);
    const since = ({ last_updated }) => age(clock.since(last_updated));
    setLines(this.#fields.stale, stale.map((row) => `${row.symbol}: ${reasonOf(row)} for ${since(row)}`));
  }

  #showUnpriced() {
    const unpriced = this.#ledger.rows.filter((row) => row.unpriced);
    this.#fields.partial.hidden = !this.#ledger.totals.partial;
    setLines(
      this.#fields.unpriced,
      unpriced.map(({ symbol, unpriced: reason }) => `${symbol} ${REASONS[reason] ?? reason}`),
    );
  }
}

customElements.define("portfolio-summary", PortfolioSummary);
