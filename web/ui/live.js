/** The page's stream: its indicator and the server's clock follow it. Tells the window "reachable" when it connects. */

import { clock } from "./clock.js";
import "./connection-indicator.js";
import { MarketStream } from "./market-stream.js";

/**
 * @param {{audience: string} | {link: string}} right who shares the stream, or the link that opens it
 * @param {(stream: MarketStream) => void} follow called when the stream's condition has changed
 */
export function connect(right, follow) {
  const stream = new MarketStream({ heartbeatSeconds: Number(document.body.dataset.heartbeatSeconds), ...right });
  const indicator = document.querySelector("connection-indicator");
  stream.addEventListener("clock", ({ detail }) => clock.set(detail));
  let isConnected = false;
  stream.addEventListener("condition", () => {
    const wasConnected = isConnected;
    isConnected = stream.condition.state === "connected";
    if (isConnected && !wasConnected) dispatchEvent(new Event("reachable"));
    indicator.show(stream.condition);
    follow(stream);
  });
  return stream;
}
