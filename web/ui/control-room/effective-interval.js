import { get } from "../api.js";
import { setText } from "../dom.js";
import { valueOf } from "./form-body.js";
import { badge, countdown } from "./parts.js";
import { RecordTable } from "./record-table.js";
import { onSend } from "./room-form.js";
import { showOnly } from "./shown-fields.js";
import { named } from "./targets.js";

const every = (seconds) => (seconds == null ? "never" : `every ${countdown(seconds)}`);

const SOURCES = {
  override: "an override",
  portfolio: "the portfolio’s own interval",
  user: "its user’s interval",
  global: "the interval of everything",
  schedule: "the schedule",
};

const COLUMNS = [
  { label: "Rule", show: ({ rule }) => named(rule) },
  { label: "Says", show: ({ interval_seconds: seconds }) => (seconds == null ? "" : every(seconds)) },
  { label: "Because", show: ({ reason }) => named(reason), isLong: true },
  { label: "Decides", show: ({ applies }) => (applies ? badge("decides", "good") : "") },
];

/** <effective-interval>: which interval is in force for a symbol or a portfolio, and rule by rule why. */
class EffectiveInterval extends HTMLElement {
  #table = null;
  #asked = null;

  connectedCallback() {
    this.#table = new RecordTable(this.querySelector("table"), COLUMNS, (_rule, index) => String(index));
    const form = this.querySelector("form");
    showOnly(form, "about", (about) => [about]);
    onSend(form, () => this.#submit(form));
    document.addEventListener("room-change", () => this.#asked && this.#ask(this.#asked).catch(() => {}));
  }

  async #submit(form) {
    const about = form.elements.about.value;
    try {
      await this.#ask(`${about}=${encodeURIComponent(valueOf(form.elements[about]))}`);
    } catch (error) {
      this.#asked = null;
      this.querySelector(".explanation").hidden = true;
      setText(this.querySelector("[role=status]"), "");
      throw error;
    }
  }

  async #ask(query) {
    this.#asked = query;
    const { interval_seconds: seconds, source, rules } = await get(`/admin/poll-intervals/effective?${query}`);
    if (this.#asked !== query) return;
    const polled = `Polled ${every(seconds)}, by ${SOURCES[source]}.`;
    const verdict = seconds == null ? "Nothing is fetched: nobody may be updated." : polled;
    setText(this.querySelector("[role=status]"), verdict);
    this.#table.show(rules);
    this.querySelector(".explanation").hidden = false;
  }
}

customElements.define("effective-interval", EffectiveInterval);
