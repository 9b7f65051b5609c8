import { postCsv } from "./api.js";
import { fieldsOf, make, setText } from "./dom.js";

/** <import-dialog>: checks a CSV file of holdings, shows what is wrong with each row, and imports it. Tells "imported". */
class ImportDialog extends HTMLElement {
  #dialog;
  #form;
  #fields;
  #checked = 0;

  /** Into which portfolio. @type {string?} */
  portfolioId = null;

  connectedCallback() {
    this.#dialog = this.querySelector("dialog");
    this.#form = this.querySelector("form");
    this.#fields = fieldsOf(this);
    this.querySelector("[data-action=open]").addEventListener("click", () => this.#open());
    this.querySelector("[data-action=cancel]").addEventListener("click", () => this.#dialog.close());
    this.#form.addEventListener("change", () => this.#check());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#isReady) this.#import();
    });
  }

  #open() {
    this.#form.reset();
    this.#show("");
    this.#dialog.showModal();
  }

  get #isReady() {
    return this.#form.querySelector("[type=submit]").getAttribute("aria-disabled") === "false";
  }

  /** Ask what would happen. */
  async #check() {
    const [file] = this.#form.querySelector("[type=file]").files;
    const checked = (this.#checked += 1);
    if (!file) return this.#show("");
    this.#show("Checking…");
    try {
      const { imported, created, updated } = await this.#send(file, true);
      if (checked !== this.#checked) return;
      const count = imported === 1 ? "1 holding" : `${imported} holdings`;
      this.#show(`${count}, nothing wrong: ${created} new, ${updated} changed.`, [], imported > 0);
    } catch (error) {
      if (checked === this.#checked) this.#refuse(error);
    }
  }

  async #import() {
    const [file] = this.#form.querySelector("[type=file]").files;
    this.#show("Importing…");
    try {
      await this.#send(file, false);
      this.#dialog.close();
      this.dispatchEvent(new Event("imported"));
    } catch (error) {
      this.#refuse(error);
    }
  }

  /** A file that has gone meanwhile cannot be read. */
  #send(file, isDryRun) {
    const query = new URLSearchParams({ dry_run: String(isDryRun), mode: this.#form.elements.mode.value });
    return postCsv(`/portfolios/${this.portfolioId}/holdings/import?${query}`, file);
  }

  #refuse(error) {
    const rows = new Set(error.faults?.map(({ loc }) => loc[1]));
    const count = rows.size === 1 ? "1 row is" : `${rows.size} rows are`;
    this.#show(rows.size ? `Nothing is imported: ${count} wrong.` : error.message, error.faults ?? []);
  }

  /** @param {string} verdict @param {{loc: (string | number)[], msg: string}[]} faults @param {boolean} isReady */
  #show(verdict, faults = [], isReady = false) {
    setText(this.#fields.verdict, verdict);
    this.#fields.faults.hidden = !faults.length;
    this.#fields.faults.querySelector("tbody").replaceChildren(...faults.map(line));
    this.#form.querySelector("[type=submit]").setAttribute("aria-disabled", String(!isReady));
  }
}

function line({ loc: [, row, column = ""], msg }) {
  const element = document.createElement("tr");
  element.append(...[String(row), String(column).replaceAll("_", " "), msg].map((text) => make("td", text)));
  return element;
}

customElements.define("import-dialog", ImportDialog);
