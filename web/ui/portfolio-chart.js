import { get } from "./api.js";
import { readPoints, withGaps } from "./chart-data.js";
import { Drawing } from "./chart-drawing.js";
import { clock } from "./clock.js";
import { fieldsOf, setText } from "./dom.js";
import { money, percent, price, ratio, time } from "./format.js";
import { persist } from "./persist.js";

const APPEND_EVERY = 1_000; // ms
const FEW = 30; // points, up to which each new value is a point of its own
const WHOLE = ""; // the subject that is the portfolio itself
const NAMES = { "1D": "the last day", "1W": "the last week", "1M": "the last month", "1Y": "the last year", all: "all time" };

/** <portfolio-chart>: the value of the portfolio or one price over time; a gap is where nothing was recorded. */
class PortfolioChart extends HTMLElement {
  #ledger;
  #fields;
  #drawn = null;
  #drawing = null;
  #portfolio = null;
  #subject = WHOLE;
  #read = 0;
  #isCurrent = false; // the line is of what is chosen
  #step = 0;
  #points = [];
  #symbols = null;
  #appendedAt = 0;
  #wasLive = false;

  /** @param {import("./ledger.js").Ledger} ledger */
  follow(ledger) {
    this.#ledger = ledger;
    this.#fields = fieldsOf(this);
    this.#fields.subject.addEventListener("change", ({ target }) => this.#turnTo(target.value));
    this.querySelector(".ranges").addEventListener("change", () => this.#choose());
    ledger.addEventListener("change", () => this.#change());
  }

  /** @param {{id: string}} portfolio */
  set portfolio(portfolio) {
    this.#portfolio = portfolio;
    this.#turnTo(WHOLE);
  }

  /** What was missed while the values were not live is read. @param {boolean} isLive */
  trust(isLive) {
    if (isLive && !this.#wasLive && this.#drawing) this.#load();
    this.#wasLive = isLive;
  }

  get #range() {
    return this.querySelector("[name=range]:checked").value;
  }

  #turnTo(subject) {
    this.#subject = subject;
    this.#choose();
  }

  #choose() {
    this.#isCurrent = false;
    this.#load();
  }

  async #draw() {
    try {
      this.#drawing = await Drawing.in(this.#fields.plot);
    } catch (error) {
      this.#drawn = null; // the next try is another
      throw error;
    }
  }

  async #load() {
    const read = (this.#read += 1);
    const range = this.#range;
    const isWanted = () => read === this.#read;
    const refuse = (error) => isWanted() && this.#refuse(error);
    const ask = async () => {
      if (!isWanted()) return {};
      const [history] = await Promise.all([
        readPoints(range, (query) => this.#ask(query), clock.now()),
        (this.#drawn ??= this.#draw()),
      ]);
      return history;
    };
    try {
      const { points, step } = await persist(ask, refuse);
      if (!isWanted()) return;
      this.#isCurrent = true;
      this.#points = points;
      this.#step = points.length < FEW ? APPEND_EVERY : step;
      this.#drawing.show(withGaps(points, step), (value) => this.#format(String(value)));
      this.#describe(range);
    } catch (error) {
      refuse(error);
    }
  }

  /** A line that was read before stays while it is of what was chosen. @param {Error} error */
  #refuse(error) {
    if (this.#isCurrent) return;
    this.#drawing?.show([], String);
    setText(this.#fields.summary, "");
    this.#say(`No history: ${error.message}`);
  }

  async #ask(query) {
    if (this.#subject === WHOLE) {
      const rows = await get(`/portfolios/${this.#portfolio.id}/history?${query}`);
      return rows.map(({ timestamp, total_value: value }) => ({ timestamp, value }));
    }
    const rows = await get(`/market-data/prices/${encodeURIComponent(this.#subject)}/history?${query}`);
    return rows.map(({ timestamp, price: raw, close = raw }) => ({ timestamp, value: close }));
  }

  #change() {
    this.#showSubjects();
    const { totals } = this.#ledger;
    const now = Date.now();
    if (!totals || this.#ledger.isEmpty || !this.#isCurrent || !this.#wasLive || now - this.#appendedAt < APPEND_EVERY) return;
    const value = this.#subject === WHOLE ? totals.total_value : this.#row?.price;
    if (value == null || this.#step === 0) return;
    this.#appendedAt = now;
    const point = { at: clock.now(), value: Number(value) };
    const last = this.#points.at(-1);
    if (last && point.at - last.at < this.#step) last.value = point.value;
    else this.#points.push(point);
    this.#drawing.append(point.at, point.value, this.#step);
    this.#describe(this.#range);
  }

  get #row() {
    return this.#ledger.row(this.#subject);
  }

  #showSubjects() {
    const { symbols } = this.#ledger;
    if (symbols === this.#symbols) return;
    this.#symbols = symbols;
    const select = this.#fields.subject;
    select.replaceChildren(new Option("Portfolio value", WHOLE), ...symbols.map((symbol) => new Option(symbol, symbol)));
    if (this.#subject !== WHOLE && !symbols.includes(this.#subject)) this.#turnTo(WHOLE);
    select.value = this.#subject;
  }

  #format(value) {
    const currency = this.#subject === WHOLE ? this.#ledger.totals?.currency : this.#row?.currency;
    return currency ? (this.#subject === WHOLE ? money : price)(value, currency) : value;
  }

  /** The same in words, for who does not see the line. */
  #describe(range) {
    const points = this.#points;
    this.#say(points.length ? "" : `Nothing was recorded in ${NAMES[range]}.`);
    if (!points.length) return setText(this.#fields.summary, "");
    const values = points.map(({ value }) => value);
    const [first, last] = [values[0], values.at(-1)];
    const moved = percent(ratio(String(last - first), String(first)));
    const [low, high] = [Math.min(...values), Math.max(...values)].map((value) => this.#format(String(value)));
    const since = time(new Date(points[0].at));
    setText(
      this.#fields.summary,
      `Since ${since}: from ${this.#format(String(first))} to ${this.#format(String(last))} (${moved}); lowest ${low}, highest ${high}.`,
    );
  }

  #say(message) {
    setText(this.#fields.message, message);
    this.#fields.message.hidden = !message;
  }
}

customElements.define("portfolio-chart", PortfolioChart);
