import { setText } from "../dom.js";
import { NOTHING, age, quantity, time } from "../format.js";
import { RecordTable } from "./record-table.js";

const spent = (iso) => (iso ? time(new Date(iso)) : "it suffices");
const old = (seconds) => (seconds == null ? NOTHING : age(seconds));
const cost = (text) => (Number(text) ? quantity(text) : "nothing");

const LINES = [
  ["Calls a day", "calls_per_day", quantity],
  ["Quota spent", "quota_exhausted_at", spent],
  ["Expected age of a price", "expected_age_seconds", old],
  ["Cost a month", "cost_per_month", cost],
];

/** <order-preview>: what an order would change in the coming 24 hours, before it is given. */
class OrderPreview extends HTMLElement {
  #table = null;

  connectedCallback() {
    this.#table = new RecordTable(
      this.querySelector("table"),
      [
        { label: "In the coming 24 hours", show: ({ label }) => label },
        { label: "Now", show: ({ before }) => before, isNumber: true },
        { label: "Then", show: ({ after }) => after, isNumber: true },
      ],
      ({ label }) => label,
    );
  }

  /** @param {object} preview the server's answer */
  show(preview) {
    this.#table.show(
      LINES.map(([label, field, format]) => {
        const { before, after } = preview[field];
        return { label, before: format(before), after: format(after) };
      }),
    );
    const { users, portfolios, symbols } = preview.affected;
    const affected = [counted(users, "user"), counted(portfolios, "portfolio"), counted(symbols, "symbol")].join(", ");
    setText(this.querySelector("[data-field=affected]"), `Affected: ${affected}.`);
    this.hidden = false;
  }
}

const counted = (count, noun) => `${quantity(count)} ${noun}${count === 1 ? "" : "s"}`;

customElements.define("order-preview", OrderPreview);
