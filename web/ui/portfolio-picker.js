import { get } from "./api.js";

const MOST = 500; // portfolios in one answer

/** The viewer's portfolios by name. @returns {Promise<{id: string, name: string, base_currency: string}[]>} */
export async function listPortfolios() {
  const portfolios = await get(`/portfolios?limit=${MOST}`);
  return portfolios.sort((a, b) => a.name.localeCompare(b.name));
}

/** <portfolio-picker>: chooses among the viewer's portfolios. Tells "pick" with the portfolio, null when it is not there. */
class PortfolioPicker extends HTMLElement {
  #portfolios = [];

  connectedCallback() {
    this.querySelector("select").addEventListener("change", (event) => this.pick(event.target.value));
  }

  /** Read the list and pick one. @param {string} id */
  async load(id) {
    this.#portfolios = await listPortfolios();
    const select = this.querySelector("select");
    select.replaceChildren(...this.#portfolios.map((portfolio) => new Option(portfolio.name, portfolio.id)));
    this.hidden = this.#portfolios.length === 0;
    this.pick(id);
  }

  /** @param {string} id */
  pick(id) {
    const detail = this.#portfolios.find((portfolio) => portfolio.id === id) ?? null;
    const select = this.querySelector("select");
    if (detail) select.value = id;
    else select.selectedIndex = -1;
    this.dispatchEvent(new CustomEvent("pick", { detail }));
  }
}

customElements.define("portfolio-picker", PortfolioPicker);
