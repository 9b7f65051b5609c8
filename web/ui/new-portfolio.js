import { post } from "./api.js";
import { clear, onSubmit } from "./dom.js";

/** <new-portfolio>: makes a portfolio. Tells "created" with it as detail. */
class NewPortfolio extends HTMLElement {
  connectedCallback() {
    const dialog = this.querySelector("dialog");
    const form = dialog.querySelector("form");
    this.querySelector("[data-action=new]").addEventListener("click", () => {
      clear(form);
      dialog.showModal();
    });
    this.querySelector("[data-action=cancel]").addEventListener("click", () => dialog.close());
    onSubmit(form, async ({ name, base_currency }) => {
      const detail = await post("/portfolios", { name, base_currency: base_currency.toUpperCase() });
      dialog.close();
      this.dispatchEvent(new CustomEvent("created", { detail }));
    });
  }
}

customElements.define("new-portfolio", NewPortfolio);
