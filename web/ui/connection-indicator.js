import { sentence } from "./connection-words.js";
import { fieldsOf, setText } from "./dom.js";
import { moment } from "./format.js";

/** <connection-indicator>: whether the values are live; it is a status, so that it is read out when it changes. */
class ConnectionIndicator extends HTMLElement {
  /** @param {import("./stream-types.js").Condition} condition */
  show(condition) {
    setText(fieldsOf(this).text, sentence(condition));
    const isTroubled = condition.state === "connected" && condition.feed !== "connected";
    this.dataset.state = isTroubled ? "troubled" : condition.state;
    this.title = condition.since ? `Last heard of the server: ${moment(new Date(condition.since))}` : "";
  }
}

customElements.define("connection-indicator", ConnectionIndicator);
