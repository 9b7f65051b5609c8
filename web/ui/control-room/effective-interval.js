import { get } from "../api.js";
import { setProblem, setText } from "../dom.js";
import { clearFaults } from "./field-faults.js";
import { explain, refuseEmpty } from "./order-form.js";
import { badge, countdown } from "./parts.js";
import { RecordTable } from "./record-table.js";
import { showOnly } from "./shown-fields.js";
import { named } from "./targets.js";
import { valueOf } from "./form-body.js";

const every = (seconds) => (seconds == null ? "never" : `every ${countdown(seconds)}`);

const COLUMNS = [
  { label: "Rule", show: ({ rule }) => named(rule) },
  { label: "Says", show: ({ interval_seconds: seconds, reason }) => (seconds == null ? "" : every(seconds)) },
  { label: "Because", show: ({ reason }) => named(reason), isLong: true },
  { label: "Decides", show: ({ applies }) => (applies ? badge("decides", "good") : "no") },
];

/** <effective-interval>: which interval is in force for a symbol or a portfolio, and rule by rule why. */
class EffectiveInterval extends HTMLElement {
  #table = null;
  #asked = null;

  connectedCallback() {
    this.#table = new RecordTable(this.querySelector("table"), COLUMNS, (_rule, index) => String(index));
    const form = this.querySelector("form");
    showOnly(form, "about", (about) => [about]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit(form);
    });
    document.addEventListener("room-change", () => this.#asked && this.#ask(this.#asked).catch(() => {}));
  }

  async #submit(form) {
    clearFaults(form);
    setProblem(form.querySelector(".problem.whole"), "");
    if (refuseEmpty(form)) return;
    const about = form.elements.about.value;
    try {
      await this.#ask(`${about}=${encodeURIComponent(valueOf(form.elements[about]))}`);
    } catch (error) {
      this.#asked = null;
      this.querySelector(".answer").hidden = true;
      explain(form, error);
    }
  }

  async #ask(query) {
    this.#asked = query;
    const { interval_seconds: seconds, source, rules } = await get(`/admin/poll-intervals/effective?${query}`);
    if (this.#asked !== query) return;
    const nobody = "Nothing is fetched: nobody may be updated.";
    setText(this.querySelector("[role=status]"), seconds == null ? nobody : `Polled ${every(seconds)}, by: ${source}.`);
    this.#table.show(rules);
    this.querySelector(".answer").hidden = false;
  }
}

customElements.define("effective-interval", EffectiveInterval);
