import { post } from "./api.js";
import { setText } from "./dom.js";

const READABLE = 5; // seconds that an answer stays, at least

/** <refresh-button>: asks for new prices now, and counts down until it may be asked again. */
class RefreshButton extends HTMLElement {
  #readyAt = 0;
  #countdown = 0;

  /** Whose prices are asked for. @type {string?} */
  portfolioId = null;

  connectedCallback() {
    this.querySelector("button").addEventListener("click", () => this.#refresh());
  }

  async #refresh() {
    if (Date.now() < this.#readyAt) return;
    const answer = this.querySelector(".answer");
    this.#wait(1);
    try {
      const accepted = await post("/market-data/refresh", { portfolio_id: this.portfolioId });
      setText(answer, "New prices are on their way.");
      this.#wait(accepted.cooldown_seconds);
    } catch (error) {
      setText(answer, error.code === "cooldown" ? "Refreshed a moment ago." : error.message);
      this.#wait(Math.max(error.retryAfter, READABLE));
    }
  }

  /** The button keeps the focus while it waits, so it is not disabled but says so. */
  #wait(seconds) {
    this.#readyAt = Date.now() + seconds * 1000;
    clearInterval(this.#countdown);
    this.#countdown = setInterval(() => this.#show(), 1000);
    this.#show();
  }

  #show() {
    const button = this.querySelector("button");
    const left = Math.ceil((this.#readyAt - Date.now()) / 1000);
    setText(button, left > 1 ? `Refresh in ${left} s` : "Refresh");
    button.setAttribute("aria-disabled", String(left > 0));
    if (left > 0) return;
    clearInterval(this.#countdown);
    setText(this.querySelector(".answer"), "");
  }
}

customElements.define("refresh-button", RefreshButton);
