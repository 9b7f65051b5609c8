/**
 * A form that orders something: it first shows what the order would change, and gives it only
 * after that. A change of a field makes the preview out of date, and takes it away.
 */

import { post } from "../api.js";
import { setText } from "../dom.js";
import { bodyOf } from "./form-body.js";
import { onSend } from "./room-form.js";
import { tellChange } from "./room-section.js";

/**
 * @param {HTMLFormElement} form with an order-preview, a .problem, a status and buttons named preview, order and back
 * @param {string} path of the orders; /preview below it answers what one would change
 * @param {(answer: any) => string} done says what was ordered
 */
export function makeOrderForm(form, path, done) {
  const preview = form.querySelector("order-preview");
  const status = form.querySelector("[role=status]");
  const action = (name) => form.querySelector(`[data-action=${name}]`);
  let previewed = null;
  let version = 0;

  const forget = () => {
    previewed = null;
    version += 1;
    preview.hidden = action("order").hidden = action("back").hidden = true;
    action("preview").hidden = false;
  };

  const step = {
    async preview(body) {
      const asked = version;
      const answer = await post(`${path}/preview`, body);
      if (asked !== version) return; // a field was changed meanwhile
      preview.show(answer);
      previewed = body;
      action("preview").hidden = true;
      action("order").hidden = action("back").hidden = false;
      action("order").focus();
    },
    async order(body) {
      const answer = await post(path, body);
      form.reset();
      forget();
      form.dispatchEvent(new Event("change"));
      setText(status, done(answer));
      action("preview").focus();
      tellChange();
    },
  };

  form.addEventListener("input", forget);
  action("back").addEventListener("click", () => {
    forget();
    form.elements[0].focus();
  });
  onSend(form, async () => {
    setText(status, "");
    try {
      await (previewed ? step.order(previewed) : step.preview(bodyOf(form)));
    } catch (error) {
      forget();
      throw error;
    }
  });
  forget();
}
