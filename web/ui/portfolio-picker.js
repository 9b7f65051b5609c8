import { get, post } from "./api.js";
import { onSubmit } from "./dom.js";

const MOST = 500; // portfolios in one answer

/** <portfolio-picker>: chooses among the viewer's portfolios and makes new ones. Tells "pick" with the portfolio. */
class PortfolioPicker extends HTMLElement {
  #portfolios = [];

  connectedCallback() {
    const dialog = this.querySelector("dialog");
    const form = dialog.querySelector("form");
    this.querySelector("select").addEventListener("change", (event) => this.pick(event.target.value));
    this.querySelector("[data-action=new]").addEventListener("click", () => this.create());
    this.querySelector("[data-action=cancel]").addEventListener("click", () => dialog.close());
    onSubmit(form, async ({ name, base_currency }) => {
      const { id } = await post("/portfolios", { name, base_currency: base_currency.toUpperCase() });
      dialog.close();
      form.reset();
      await this.load(id);
    });
  }

  /** Read the list and pick one: *id* if it is there, else the first by name. */
  async load(id) {
    this.#portfolios = await get(`/portfolios?limit=${MOST}`);
    this.#portfolios.sort((a, b) => a.name.localeCompare(b.name));
    const select = this.querySelector("select");
    select.replaceChildren(...this.#portfolios.map((portfolio) => new Option(portfolio.name, portfolio.id)));
    select.disabled = this.#portfolios.length === 0;
    this.hidden = false;
    this.pick(this.#portfolios.some((portfolio) => portfolio.id === id) ? id : this.#portfolios[0]?.id);
  }

  /** @param {string | undefined} id of one in the list; undefined: there is none */
  pick(id) {
    const detail = this.#portfolios.find((portfolio) => portfolio.id === id) ?? null;
    if (detail) this.querySelector("select").value = id;
    this.dispatchEvent(new CustomEvent("pick", { detail }));
  }

  create() {
    this.querySelector("dialog").showModal();
  }
}

customElements.define("portfolio-picker", PortfolioPicker);
