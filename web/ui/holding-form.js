import { get, put } from "./api.js";
import { clear, fieldsOf, onSubmit, setText } from "./dom.js";
import "./symbol-lookup.js";

const MOST = 500; // holdings in one answer
const SYMBOL = /^[A-Z0-9^][A-Z0-9.\-=^]*$/; // it becomes part of an address, where “..” would name another
const NO_SYMBOL = "symbol: may have letters, digits and . - = ^ and begins with a letter, a digit or ^, as CBA.AX does";

/** <holding-form>: adds a holding, or changes it. Tells "holding-saved". Amounts are sent as they were typed. */
class HoldingForm extends HTMLElement {
  #portfolio = null;

  connectedCallback() {
    const form = this.querySelector("form");
    const lookup = this.querySelector("symbol-lookup");
    lookup.addEventListener("choose", ({ detail }) => {
      form.elements.currency.value = detail.currency;
      form.elements.quantity.focus();
    });
    form.addEventListener("reset", () => this.#say("Add a holding", "Add"));
    onSubmit(form, async ({ symbol, quantity, average_cost, currency }) => {
      const name = symbol.toUpperCase();
      if (!SYMBOL.test(name)) throw Object.assign(new Error(NO_SYMBOL), { fields: ["symbol"] });
      await put(`/portfolios/${this.#portfolio.id}/holdings/${encodeURIComponent(name)}`, {
        quantity,
        average_cost,
        currency: currency.toUpperCase(),
      });
      clear(form);
      form.elements.currency.value = this.#portfolio.base_currency;
      setText(fieldsOf(this).done, `${name} is saved.`);
      form.elements.symbol.focus();
      this.dispatchEvent(new Event("holding-saved"));
    });
  }

  /** @param {{id: string, base_currency: string}} portfolio */
  set portfolio(portfolio) {
    this.#portfolio = portfolio;
    clear(this.querySelector("form"));
    this.querySelector("[name=currency]").value = portfolio.base_currency;
  }

  /** Fill in what is held of a symbol, to be changed. @param {string} symbol */
  async edit(symbol) {
    const held = await this.#find(symbol);
    const form = this.querySelector("form");
    clear(form);
    const { elements } = form;
    elements.symbol.value = symbol;
    for (const name of ["quantity", "average_cost", "currency"]) if (held) elements[name].value = held[name];
    this.#say(`Change ${symbol}`, "Save");
    elements.quantity.focus();
    elements.quantity.select();
  }

  async #find(symbol) {
    for (let offset = 0; ; offset += MOST) {
      const held = await get(`/portfolios/${this.#portfolio.id}/holdings?limit=${MOST}&offset=${offset}`);
      const found = held.find((holding) => holding.symbol === symbol);
      if (found || held.length < MOST) return found;
    }
  }

  #say(title, action) {
    setText(this.querySelector("h2"), title);
    setText(this.querySelector("[type=submit]"), action);
  }
}

customElements.define("holding-form", HoldingForm);
