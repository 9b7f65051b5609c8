/** What the elements of a page share: one stream for each server and right, and one view of whatever it shows. */

import { clock } from "../clock.js";
import { MarketStream } from "../market-stream.js";

/** @typedef {import("./view.js").View} View */

/**
 * @typedef {object} Settings
 * @property {() => Promise<string>} [ticket] gets a stream ticket from your own server, new for each connection; it
 *   throws an error whose status is 401 or 403 when there will be none
 * @property {string} [audience] the user whom the tickets are for: tabs of the same audience share a stream
 * @property {number} [heartbeatSeconds] MARKET_HEARTBEAT_SECONDS of the server, 30 unless said otherwise
 */

/** The server that this module comes from. */
const HOME = new URL(import.meta.url).origin;

/** @type {Map<string, Settings>} by server */
const settings = new Map();
/** @type {Map<string, Right>} */
const rights = new Map();

/** Elements that are in the page. @type {Set<{attend: () => void}>} */
export const present = new Set();

/** The page does not say what to show, or by which right; the message tells what is missing. */
export class Unset extends Error {}

/**
 * How to reach a server; may be called again, with another ticket or audience.
 * @param {Settings & {server?: string}} options server: its origin, this module's by default
 */
export function configure({ server = HOME, ...options }) {
  const origin = originOf(server);
  settings.set(origin, options);
  for (const [key, right] of rights) if (right.server === origin) rights.delete(key);
  for (const element of present) element.attend();
}

/** @param {string} server @throws {Unset} */
function originOf(server) {
  const url = URL.canParse(server) ? new URL(server) : null;
  if (!url || !/^https?:$/.test(url.protocol)) throw new Unset(`This is not the address of a server: ${server}`);
  return url.origin;
}

/**
 * The one that all elements have which name the same server and link.
 * @param {string?} server
 * @param {string?} link
 * @throws {Unset}
 */
export function rightOf(server, link) {
  const origin = originOf(server || HOME);
  const { ticket, ...options } = settings.get(origin) ?? {};
  if (!link && !ticket) throw new Unset("There is no link here, and no ticket was configured.");
  const key = JSON.stringify([origin, link]);
  const right = rights.get(key) ?? new Right(origin, link, link ? { link, ...options } : { ticket, ...options });
  rights.set(key, right);
  return right;
}

export class Right {
  /** @type {Map<string, View>} */
  #views = new Map();
  #ticking;

  /** @param {string} server @param {string?} link @param {Settings & {link?: string}} options */
  constructor(server, link, options) {
    this.server = server;
    this.link = link;
    this.stream = new MarketStream({ base: server, ...options });
    this.stream.addEventListener("clock", (event) => clock.set(/** @type {CustomEvent} */ (event).detail));
    this.stream.addEventListener("condition", () => this.#tell());
    this.#ticking = setInterval(() => this.#tell(), 1_000); // ages pass without any event
  }

  /**
   * The one view of a kind and name.
   * @template {View} T
   * @param {new (right: Right, name: string) => T} Kind
   * @param {string} name
   * @returns {T}
   */
  view(Kind, name) {
    const key = `${Kind.name} ${name}`;
    const view = /** @type {T | undefined} */ (this.#views.get(key)) ?? new Kind(this, name);
    this.#views.set(key, view);
    return view;
  }

  /** The one element that says aloud how the connection is. */
  get announcer() {
    return [...this.#views.values()][0]?.users.values().next().value;
  }

  /** Whether any element has something to be streamed. */
  get isUsed() {
    return [...this.#views.values()].some(({ isStreamed }) => isStreamed);
  }

  /** Close what no element shows any more. */
  tidy() {
    for (const [key, view] of this.#views) {
      if (view.users.size) continue;
      view.close();
      this.#views.delete(key);
    }
    if (this.#views.size) return this.#tell();
    clearInterval(this.#ticking);
    this.stream.close();
    for (const [key, right] of rights) if (right === this) rights.delete(key);
  }

  #tell() {
    for (const view of this.#views.values()) view.tell();
  }
}
