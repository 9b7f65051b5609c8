import { fieldsOf, setText } from "../dom.js";
import { forgive, onSend } from "./room-form.js";
import { tellChange } from "./room-section.js";

/** <reason-dialog>: asks whether something shall be done, and why. */
class ReasonDialog extends HTMLElement {
  #send = async () => {};

  connectedCallback() {
    const form = this.#form;
    onSend(form, async () => {
      await this.#send(form.elements.reason.value.trim());
      this.#dialog.close();
      tellChange();
    });
    form.querySelector("[data-action=cancel]").addEventListener("click", () => this.#dialog.close());
  }

  /**
   * @param {object} question
   * @param {string} question.title
   * @param {string} question.text what will happen
   * @param {string} question.action the button's text
   * @param {string} [question.tone] the button's class
   * @param {(reason: string) => Promise<void>} send does it; what it throws is shown in the dialog
   */
  ask({ title, text, action, tone = "" }, send) {
    this.#send = send;
    const fields = fieldsOf(this);
    setText(fields.title, title);
    setText(fields.text, text);
    const submit = this.#form.querySelector("[type=submit]");
    setText(submit, action);
    submit.className = tone;
    this.#form.reset();
    forgive(this.#form);
    this.#dialog.showModal();
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  get #form() {
    return this.querySelector("form");
  }
}

customElements.define("reason-dialog", ReasonDialog);

/** Ask on this page's one dialog. */
export const askReason = (question, send) => document.querySelector("reason-dialog").ask(question, send);
