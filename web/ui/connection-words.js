/** How the connection is, in words. */

import { time } from "./format.js";

const FEED = {
  connected: "Connected",
  reconnecting: "Connected; the price source is not answering",
  error: "Connected; no price source is working",
};

/** @param {import("./stream-types.js").Condition} condition */
export function sentence({ state, paused, feed }) {
  switch (state) {
    case "connecting": return "Connecting…";
    case "reconnecting": return "Reconnecting…";
    case "offline": return "Offline";
    case "refused": return "Not connected";
    case "paused": return `Paused${paused?.until ? ` until ${time(new Date(paused.until))}` : ""}: ${paused?.reason}`;
    default: return FEED[feed];
  }
}
