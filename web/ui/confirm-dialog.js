import { fieldsOf, onSubmit, setProblem, setText } from "./dom.js";

/** <confirm-dialog>: asks before something is taken away for good, and says in place why it could not be. */
class ConfirmDialog extends HTMLElement {
  #act = async () => {};

  connectedCallback() {
    const dialog = this.querySelector("dialog");
    this.querySelector("[data-action=cancel]").addEventListener("click", () => dialog.close());
    onSubmit(this.querySelector("form"), async () => {
      await this.#act();
      dialog.close();
    });
  }

  /**
   * @param {object} question
   * @param {string} question.title
   * @param {string} question.text what will happen
   * @param {string} question.action the button's text
   * @param {() => Promise<void>} act does it; what it throws is shown in the dialog
   */
  ask({ title, text, action }, act) {
    this.#act = act;
    const fields = fieldsOf(this);
    setText(fields.title, title);
    setText(fields.text, text);
    setText(fields.action, action);
    setProblem(this.querySelector(".problem"), "");
    this.querySelector("dialog").showModal();
  }
}

customElements.define("confirm-dialog", ConfirmDialog);

/** Ask on this page's one dialog. */
export const confirmFirst = (question, act) => document.querySelector("confirm-dialog").ask(question, act);
