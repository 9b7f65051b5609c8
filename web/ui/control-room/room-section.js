import { setProblem, setText } from "../dom.js";
import { time } from "../format.js";
import { clearFaults, faultsOf, showFaults } from "./field-faults.js";

const AGAIN_EVERY = 5_000; // ms, while it is looked at

/** Tell all sections that something was ordered, so that what is shown is read again. */
export const tellChange = () => document.dispatchEvent(new Event("room-change"));

/**
 * One section of the room: reads when it is opened and from time to time while it is, and says
 * whether it is loading, empty or failed. What was read stays when a later reading fails.
 */
export class RoomSection extends HTMLElement {
  #timer = 0;
  #reading = 0;
  /** @type {Date?} */
  #readAt = null;

  connectedCallback() {
    document.addEventListener("room-change", () => this.isOpen && this.read());
    this.querySelector("[data-action=again]").addEventListener("click", () => this.read());
    this.prepare();
  }

  /** Set up what is there once. */
  prepare() {}

  /** Read from the server and show it. @returns {Promise<boolean>} whether there is anything */
  async load() {
    return true;
  }

  get isOpen() {
    return !this.hidden;
  }

  open() {
    this.hidden = false;
    clearInterval(this.#timer);
    this.#timer = setInterval(() => document.hidden || this.ariaBusy || this.read(), AGAIN_EVERY);
    return this.read();
  }

  close() {
    this.hidden = true;
    clearInterval(this.#timer);
  }

  /** Of two readings at once, the later one counts. */
  async read() {
    const reading = (this.#reading += 1);
    this.ariaBusy = "true";
    if (!this.#readAt && this.#failure.hidden) this.#say("Loading…");
    try {
      const isThere = await this.load(() => reading === this.#reading);
      if (reading !== this.#reading) return;
      this.#readAt = new Date();
      this.toggleAttribute("data-read", true);
      this.#say(isThere ? "" : this.dataset.empty);
      this.#fail("", []);
    } catch (error) {
      if (reading !== this.#reading) return;
      this.#say("");
      const since = this.#readAt && `This is not up to date since ${time(this.#readAt, { seconds: true })}: `;
      this.#fail(`${since ?? ""}${error.message}`, faultsOf(error));
      if ([401, 403].includes(error.status)) document.dispatchEvent(new CustomEvent("room-refused", { detail: error }));
    } finally {
      if (reading === this.#reading) this.ariaBusy = null;
    }
  }

  #say(text) {
    const state = this.querySelector(".state");
    state.hidden = !text;
    setText(state, text);
  }

  /** What the filters ask for may be refused; the focus stays, as it may be read at any time. */
  #fail(text, faults) {
    const filters = this.querySelector("form.filters");
    if (filters) clearFaults(filters);
    if (filters) showFaults(filters, faults);
    if (!text && this.#failure.contains(document.activeElement)) this.querySelector("h2").focus();
    this.#failure.hidden = !text;
    setProblem(this.#failure.querySelector("[role=alert]"), text);
  }

  get #failure() {
    return this.querySelector(".failure");
  }
}
