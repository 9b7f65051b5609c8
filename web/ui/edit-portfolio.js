import { patch, removeIfThere } from "./api.js";
import { confirmFirst } from "./confirm-dialog.js";
import { clear, onSubmit } from "./dom.js";

/** <edit-portfolio>: changes name and currency, or deletes. Tells "saved" with the portfolio as detail, and "deleted". */
class EditPortfolio extends HTMLElement {
  #portfolio = null;

  connectedCallback() {
    this.querySelector("[data-action=edit]").addEventListener("click", () => this.#open());
    this.querySelector("[data-action=cancel]").addEventListener("click", () => this.#dialog.close());
    this.querySelector("[data-action=delete]").addEventListener("click", () => this.#delete());
    onSubmit(this.querySelector("form"), async ({ name, base_currency }) => {
      const change = { name, base_currency: base_currency.toUpperCase() };
      const detail = await patch(`/portfolios/${this.#portfolio.id}`, change);
      this.#dialog.close();
      this.dispatchEvent(new CustomEvent("saved", { detail }));
    });
  }

  /** @param {{id: string, name: string, base_currency: string} | null} portfolio none: there is nothing to edit */
  set portfolio(portfolio) {
    this.#portfolio = portfolio;
    this.hidden = portfolio === null;
  }

  /** What was typed before and not saved is forgotten. */
  #open() {
    const form = this.querySelector("form");
    const { elements } = form;
    clear(form);
    for (const name of ["name", "base_currency"]) elements[name].value = this.#portfolio[name];
    this.#dialog.showModal();
    elements.name.select();
  }

  #delete() {
    const { id, name } = this.#portfolio;
    this.#dialog.close();
    const text = `“${name}” goes for good, with its holdings, its history and its links.`;
    confirmFirst({ title: "Delete the portfolio?", text, action: "Delete" }, async () => {
      await removeIfThere(`/portfolios/${id}`);
      this.dispatchEvent(new Event("deleted"));
    });
  }

  get #dialog() {
    return this.querySelector("dialog");
  }
}

customElements.define("edit-portfolio", EditPortfolio);
