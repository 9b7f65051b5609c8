import { sentence } from "../connection-words.js";
import { MOST } from "../stream-wants.js";

/** @typedef {import("./rights.js").Right} Right */

/**
 * @typedef {{state: string, text: string}} State connecting, live, stale, reconnecting, offline, paused, refused,
 *   ended, unset or idle, and the same in words
 */

const ENDED = {
  link: "This link has ended, or never was one to this portfolio.",
  ticket: "This portfolio is not there, or it is not yours.",
};
const NO_ROOM = `A stream carries at most ${MOST.portfolios} portfolios and ${MOST.symbols} symbols.`;
const NO_RIGHT = "Not connected: there is no right to these prices, or not any more.";

/** How the connection is, and nothing else; the others of its kind add what they show. */
export class View {
  /** @type {Set<{show: () => void}>} the elements that show it */
  users = new Set();
  isStreamed = false;
  isGone = false;

  /** @param {Right} right @param {string} name of what is shown */
  constructor(right, name) {
    this.right = right;
    this.name = name;
  }

  /** Whether what is known may look live. */
  get isLive() {
    return this.right.stream.condition.state === "connected";
  }

  /** When its last value came, in ms of the viewer's clock. */
  get receivedAt() {
    return 0;
  }

  /** @returns {State} */
  get state() {
    const { server, link, isUsed, stream } = this.right;
    const { state, reason, feed, crowdedOut } = stream.condition;
    if (this.isGone || reason === "gone") return { state: "ended", text: link ? ENDED.link : ENDED.ticket };
    if (reason === "barred") return { state, text: `${server} does not admit pages of ${location.origin}.` };
    if (state === "refused") return { state, text: NO_RIGHT };
    if (!isUsed) return { state: "idle", text: "Nothing is shown live." };
    if (state !== "connected") return { state, text: sentence(stream.condition) };
    if (crowdedOut.includes(this.name)) return { state: "refused", text: NO_ROOM };
    if (feed !== "connected") return { state: "stale", text: sentence(stream.condition) };
    return this.isLive ? { state: "live", text: "Live" } : { state: "connecting", text: "Connecting…" };
  }

  tell() {
    for (const user of this.users) user.show();
  }

  close() {}
}
