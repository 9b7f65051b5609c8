import { fieldsOf, setText } from "./dom.js";
import { time } from "./format.js";

const FEED = {
  connected: "Connected",
  reconnecting: "Connected; the price source is not answering",
  error: "Connected; no price source is working",
};

/** <connection-indicator>: whether the values are live; it is a status, so that it is read out when it changes. */
class ConnectionIndicator extends HTMLElement {
  /** @param {import("./stream.js").Condition} condition */
  show(condition) {
    setText(fieldsOf(this).text, sentence(condition));
    this.dataset.state = condition.state === "connected" ? connectedState(condition) : condition.state;
  }
}

function connectedState({ paused, feed }) {
  if (paused) return "paused";
  return feed === "connected" ? "connected" : "troubled";
}

function sentence({ state, since, paused, feed }) {
  if (state === "connecting") return "Connecting…";
  if (state === "reconnecting") return "Reconnecting…";
  if (state === "stale") return `Stale since ${time(since)}, reconnecting…`;
  if (!paused) return FEED[feed];
  const until = paused.until ? ` until ${time(new Date(paused.until))}` : "";
  return `Paused${until}: ${paused.reason}`;
}

customElements.define("connection-indicator", ConnectionIndicator);
