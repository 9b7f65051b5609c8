import { get, post } from "../api.js";
import { clock } from "../clock.js";
import { fieldsOf, setText } from "../dom.js";
import { time } from "../format.js";
import { bodyOf } from "./form-body.js";
import { undo } from "./override-list.js";
import { countdown } from "./parts.js";
import { explain, forgive, onSend } from "./room-form.js";
import { tellChange } from "./room-section.js";

const AGAIN_EVERY = 5_000; // ms
const ORDER = { override_type: "emergency_stop", scope: "global" };

/** <emergency-stop>: stops everything after a confirmation; while it is stopped, says so on every section. */
class EmergencyStop extends HTMLElement {
  #stop = null;

  connectedCallback() {
    const [open, lift] = ["stop", "lift"].map((action) => this.querySelector(`[data-action=${action}]`));
    open.addEventListener("click", () => this.#ask());
    lift.addEventListener("click", () => undo(this.#stop, "Lift the emergency stop?"));
    this.#dialog.querySelector("[data-action=cancel]").addEventListener("click", () => this.#dialog.close());
    onSend(this.#form, () => this.#order());
    document.addEventListener("room-change", () => this.read());
    setInterval(() => document.hidden || this.read(), AGAIN_EVERY);
    setInterval(() => this.#show(), 1_000);
  }

  /** See whether a stop is in force; one that cannot be seen stays as it was. */
  async read() {
    const found = await get("/admin/overrides?active=true&scope=global").catch(() => null);
    if (!found) return;
    this.#stop = found.find(({ override_type: type }) => type === ORDER.override_type) ?? null;
    this.#show();
  }

  #show() {
    const { state } = fieldsOf(this);
    const isStopped = this.#stop !== null;
    const [stop, lift] = ["stop", "lift"].map((action) => this.querySelector(`[data-action=${action}]`));
    const [offered, gone] = isStopped ? [lift, stop] : [stop, lift];
    const isFocused = document.activeElement === gone;
    this.querySelector(".stopped").hidden = !isStopped;
    stop.hidden = isStopped;
    if (isFocused) offered.focus();
    document.body.classList.toggle("everything-stopped", isStopped);
    if (!isStopped) return;
    const { reason, admin_user: by, effective_time: since, expires_at: until } = this.#stop;
    const left = until && countdown((Date.parse(until) - clock.now()) / 1000);
    const end = until ? `It ends in ${left}.` : "It lasts until it is lifted.";
    setText(state, `${by} stopped all updates at ${time(new Date(since))}: ${reason}`);
    setText(fieldsOf(this).end, end);
  }

  /** The confirmation says whom it would hit. */
  async #ask() {
    const form = this.#form;
    form.reset();
    forgive(form);
    const preview = form.querySelector("order-preview");
    preview.hidden = true;
    this.#dialog.showModal();
    try {
      preview.show(await post("/admin/overrides/preview", { ...ORDER, reason: "preview" }));
    } catch (error) {
      explain(form, error);
    }
  }

  async #order() {
    await post("/admin/overrides", { ...ORDER, ...bodyOf(this.#form) });
    this.#dialog.close();
    tellChange();
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  get #form() {
    return this.#dialog.querySelector("form");
  }
}

customElements.define("emergency-stop", EmergencyStop);
