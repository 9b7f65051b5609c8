import { postCsv } from "./api.js";
import { fieldsOf, make, setText } from "./dom.js";

const FAULTS_TOLD = 100; // at most, of all that is wrong

/** <import-dialog>: checks a CSV file of holdings, shows what is wrong with each row, and imports it. Tells "imported". */
class ImportDialog extends HTMLElement {
  #dialog;
  #form;
  #fields;
  #checked = 0;
  #file = null;

  /** Into which portfolio. @type {string?} */
  portfolioId = null;

  connectedCallback() {
    this.#dialog = this.querySelector("dialog");
    this.#form = this.querySelector("form");
    this.#fields = fieldsOf(this);
    this.querySelector("[data-action=open]").addEventListener("click", () => this.#open());
    this.querySelector("[data-action=cancel]").addEventListener("click", () => this.#dialog.close());
    const chooser = this.#form.querySelector("[type=file]");
    chooser.addEventListener("click", () => this.#forget()); // or the same file, changed, could not be chosen again
    this.#form.addEventListener("change", ({ target }) => (target === chooser ? this.#choose(chooser.files[0]) : this.#check()));
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.#isReady) this.#import();
    });
  }

  #open() {
    this.#form.reset();
    this.#forget();
    this.#dialog.showModal();
  }

  #forget() {
    this.#form.querySelector("[type=file]").value = "";
    this.#checked += 1;
    this.#file = null;
    this.#show("");
  }

  get #isReady() {
    return this.#form.querySelector("[type=submit]").getAttribute("aria-disabled") === "false";
  }

  /** What was chosen is read at once: what is imported is what was checked, though the file changes or goes meanwhile. */
  async #choose(file) {
    const checked = (this.#checked += 1);
    this.#file = null;
    this.#show(file ? "Reading…" : "");
    if (!file) return;
    try {
      const bytes = await file.arrayBuffer();
      if (checked !== this.#checked) return;
      this.#file = bytes;
      await this.#check();
    } catch {
      if (checked === this.#checked) this.#show("The file cannot be read. Please choose it again.");
    }
  }

  /** Ask what would happen. */
  async #check() {
    if (!this.#file) return;
    const checked = (this.#checked += 1);
    this.#show("Checking…");
    try {
      const { imported, created, updated } = await this.#send(true);
      if (checked !== this.#checked) return;
      const count = imported === 1 ? "1 holding" : `${imported} holdings`;
      this.#show(`${count}, nothing wrong: ${created} new, ${updated} changed.`, [], imported > 0);
    } catch (error) {
      if (checked === this.#checked) this.#refuse(error);
    }
  }

  async #import() {
    this.#show("Importing…");
    try {
      await this.#send(false);
      this.#dialog.close();
      this.dispatchEvent(new Event("imported"));
    } catch (error) {
      this.#refuse(error);
    }
  }

  #send(isDryRun) {
    const query = new URLSearchParams({ dry_run: String(isDryRun), mode: this.#form.elements.mode.value });
    return postCsv(`/portfolios/${this.portfolioId}/holdings/import?${query}`, this.#file);
  }

  #refuse(error) {
    const rows = new Set(error.faults?.map(({ loc }) => loc[1]));
    const count = rows.size === 1 ? "1 row is" : `${rows.size} rows are`;
    const isCut = error.faults?.length >= FAULTS_TOLD;
    const verdict = isCut ? `at least ${count} wrong. These are the first faults:` : `${count} wrong.`;
    this.#show(rows.size ? `Nothing is imported: ${verdict}` : error.message, error.faults ?? []);
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
