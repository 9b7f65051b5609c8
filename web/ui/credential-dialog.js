import { get, post, removeIfThere } from "./api.js";
import { confirmFirst } from "./confirm-dialog.js";
import { clear, fieldsOf, make, onSubmit, setProblem, setText } from "./dom.js";

const MOST = 500; // in one answer

/** Lists what lets somebody in without a password, makes more of it, and revokes it. What was made is shown once. */
export class CredentialDialog extends HTMLElement {
  #fields;
  #dialog;
  #shown = "";

  /** Of the list. */
  path = "";
  /** What one is called. */
  noun = "";

  /** @param {any} _credential @returns {string} */
  describe(_credential) {}

  /** What is asked for. @param {Record<string, string>} _values that were typed */
  bodyOf(_values) {}

  /** @param {any} _made @returns {string} what is shown once */
  secretOf(_made) {}

  connectedCallback() {
    this.#fields = fieldsOf(this);
    this.#dialog = this.querySelector("dialog");
    this.querySelector("[data-action=open]").addEventListener("click", () => this.#open());
    this.querySelector("[data-action=close]").addEventListener("click", () => this.#dialog.close());
    this.querySelector("[data-action=copy]").addEventListener("click", () => this.#copy());
    onSubmit(this.querySelector("form"), async (values) => {
      this.#show(await post(this.path, this.bodyOf(values)));
      await this.#read();
    });
  }

  #open() {
    clear(this.querySelector("form"));
    this.#forget();
    this.#fields.list.replaceChildren();
    this.#dialog.showModal();
    this.#read();
  }

  #show(made) {
    this.#shown = made.id;
    this.#fields.secret.hidden = false;
    this.#secret.value = this.secretOf(made);
    this.#secret.select();
  }

  #forget() {
    this.#shown = "";
    this.#fields.secret.hidden = true;
    this.#secret.value = "";
    setText(this.#fields.said, "");
  }

  async #read() {
    const { said, failure, list } = this.#fields;
    setProblem(failure, "");
    if (!list.children.length) setText(said, "Loading…");
    const before = said.textContent;
    const sayOfTheList = (text) => {
      if (said.textContent === before) setText(said, text); // else something was copied meanwhile
    };
    try {
      const credentials = await get(`${this.path}?limit=${MOST}`);
      list.replaceChildren(...credentials.map((credential) => this.#line(credential)));
      sayOfTheList(credentials.length ? "" : `There is no ${this.noun}.`);
    } catch (error) {
      sayOfTheList("");
      setProblem(failure, error.message);
    }
  }

  #line(credential) {
    const description = this.describe(credential);
    const revoke = Object.assign(make("button", "Revoke"), { type: "button", className: "quiet small" });
    revoke.setAttribute("aria-label", `Revoke: ${description}`);
    revoke.addEventListener("click", () => this.#revoke(credential, description));
    const line = make("li", "");
    line.append(make("span", description), revoke);
    return line;
  }

  #revoke({ id }, description) {
    const text = `${description}. It opens nothing any more, and its streams end within seconds.`;
    confirmFirst({ title: `Revoke the ${this.noun}?`, text, action: "Revoke" }, async () => {
      await removeIfThere(`${this.path}/${id}`);
      if (id === this.#shown) this.#forget();
      await this.#read();
      this.querySelector("h2").focus();
    });
  }

  /** Browsers let pages write to the clipboard over HTTPS and on localhost only. */
  async #copy() {
    this.#secret.select();
    try {
      await navigator.clipboard.writeText(this.#secret.value);
      setText(this.#fields.said, "Copied.");
    } catch {
      setText(this.#fields.said, "It is marked: copy it with Ctrl+C or ⌘C.");
    }
  }

  get #secret() {
    return this.querySelector("#secret");
  }
}

/** A number of days as it is sent; what is none is refused with the field's name. @param {string} text */
export function asDays(text) {
  if (!text) return undefined;
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}
