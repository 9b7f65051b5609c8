import { fieldsOf, setText } from "./dom.js";
import { moment, time } from "./format.js";

const FEED = {
  connected: "Connected",
  reconnecting: "Connected; the price source is not answering",
  error: "Connected; no price source is working",
};

const WORDS = {
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  refused: "Not connected",
};

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

function sentence({ state, paused, feed }) {
  if (state in WORDS) return WORDS[state];
  if (state === "connected") return FEED[feed];
  const until = paused.until ? ` until ${time(new Date(paused.until))}` : "";
  return `Paused${until}: ${paused.reason}`;
}

customElements.define("connection-indicator", ConnectionIndicator);
