import { put } from "./api.js";
import { fieldsOf, onSubmit, setText } from "./dom.js";

/** <holding-form>: adds a holding, or changes it. Tells "holding-saved". Amounts are sent as they were typed. */
class HoldingForm extends HTMLElement {
  #portfolio = null;

  connectedCallback() {
    const form = this.querySelector("form");
    onSubmit(form, async ({ symbol, quantity, average_cost, currency }) => {
      const name = symbol.toUpperCase();
      await put(`/portfolios/${this.#portfolio.id}/holdings/${encodeURIComponent(name)}`, {
        quantity,
        average_cost,
        currency: currency.toUpperCase(),
      });
      form.reset();
      form.elements.currency.value = this.#portfolio.base_currency;
      setText(fieldsOf(this).done, `${name} is saved.`);
      form.elements.symbol.focus();
      this.dispatchEvent(new Event("holding-saved"));
    });
  }

  /** @param {{id: string, base_currency: string}} portfolio */
  set portfolio(portfolio) {
    this.#portfolio = portfolio;
    this.querySelector("[name=currency]").value = portfolio.base_currency;
  }
}

customElements.define("holding-form", HoldingForm);
