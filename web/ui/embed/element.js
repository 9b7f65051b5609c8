/** What the elements have in common: they follow their attributes, say how live they are, and clean up. */

import { fieldsOf, setText } from "../dom.js";
import { time } from "../format.js";
import { Unset, present, rightOf } from "./rights.js";
import { sheet } from "./style.js";

/** @typedef {import("./view.js").View} View */
/** @typedef {import("./view.js").State} State */

const EMPTY = ["refused", "ended", "unset"]; // in these nothing is shown

/** @template {View} T */
export class LiveElement extends HTMLElement {
  static observedAttributes = ["server", "link", "portfolio-id", "symbol", "name"];

  /** @type {T?} */
  #view = null;
  #problem = "";
  #isDue = false;

  /** @param {Node[]} content its data-field are filled in: status, and where there are values, box and asOf */
  constructor(...content) {
    super();
    const root = this.attachShadow({ mode: "open" });
    root.adoptedStyleSheets = [sheet];
    root.append(...content);
    this.fields = fieldsOf(root);
  }

  connectedCallback() {
    present.add(this);
    this.#attendSoon();
  }

  disconnectedCallback() {
    present.delete(this);
    this.#attendSoon();
  }

  attributeChangedCallback() {
    this.#attendSoon();
  }

  /** Once for all changes of a task: an element that is only moved keeps its stream. */
  #attendSoon() {
    if (this.#isDue) return;
    this.#isDue = true;
    queueMicrotask(() => {
      this.#isDue = false;
      this.attend();
    });
  }

  /** Show what the attributes ask for now; nothing, when it has left the page. */
  attend() {
    const before = this.#view;
    this.#view = null;
    this.#problem = "";
    try {
      if (this.isConnected) this.#view = this.open();
    } catch (error) {
      if (!(error instanceof Unset)) throw error;
      this.#problem = error.message;
    }
    this.#view?.users.add(this);
    if (before && before !== this.#view) {
      before.users.delete(this);
      before.right.tidy();
    }
    if (this.isConnected) this.show();
  }

  show() {
    const view = this.#view;
    const { state, text } = this.#state();
    if (this.dataset.state !== state) this.dataset.state = state;
    const { status, box, asOf } = this.fields;
    status.setAttribute("aria-live", !view || view.right.announcer === this ? "polite" : "off");
    setText(status, text);
    const shown = view && !EMPTY.includes(state) ? view : null;
    this.fill(shown);
    if (!box) return;
    box.classList.toggle("not-live", !shown?.isLive);
    const isOld = shown?.receivedAt && !shown.isLive;
    setText(asOf, isOld ? `not live: as of ${time(new Date(shown.receivedAt), { seconds: true })}` : "");
  }

  /** @returns {State} */
  #state() {
    if (!this.#view) return { state: "unset", text: this.#problem };
    const { state } = this.#view;
    return state.state === "live" ? this.judge(this.#view) ?? state : state;
  }

  /** @throws {Unset} */
  get right() {
    return rightOf(this.getAttribute("server"), this.getAttribute("link"));
  }

  // -- What each element says ------------------------------------------------------------

  /** What its attributes ask for. @returns {T} @throws {Unset} */
  open() {
    throw new TypeError("an element opens a view");
  }

  /** Why what is live is not to be trusted all the same. @param {T} _view @returns {State | undefined} */
  judge(_view) {
    return undefined;
  }

  /** @param {T?} _view null: there is nothing to show */
  fill(_view) {}
}
