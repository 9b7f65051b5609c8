/** Where the stream of a server is, by what right, and what an answer that is no stream means. */

import { Refusal } from "./stream-connection.js";

const API = "/api/v1";
const NO_PORTFOLIO = "00000000-0000-0000-0000-000000000000";

/** Stands for what a right opens while its id is not known; a link opens only one portfolio. */
export const LINKED = "linked";

/** @typedef {"yes" | "gone" | "signed_out"} Verdict yes: or unknown */

/**
 * @typedef {object} Right
 * @property {string} [base] origin of the server; this page's by default
 * @property {string} [link] the token of a read-only portfolio link
 * @property {() => Promise<string>} [ticket] gets a stream ticket, new for each connection; it throws an error whose
 *   status is 401 or 403 when there will be none
 */

export class Address {
  #right;

  /** @param {Right} right without link and ticket: the cookie session */
  constructor(right) {
    this.#right = right;
  }

  /**
   * @param {{portfolios: string[], symbols: string[]}} carried
   * @param {string} lastEventId
   * @throws {Refusal} when there is no ticket to be had
   */
  async of({ portfolios, symbols }, lastEventId) {
    const query = new URLSearchParams();
    const ids = portfolios.filter((id) => id !== LINKED).map((id) => id.replaceAll(",", " ")); // "a,b" is none, not two
    if (ids.length) query.set("portfolio_ids", ids.join(","));
    if (symbols.length) query.set("symbols", symbols.join(","));
    if (lastEventId) query.set("last_event_id", lastEventId);
    const { base = "", link, ticket } = this.#right;
    if (link) query.set("link", link);
    if (ticket) query.set("ticket", await newTicket(ticket));
    return `${base}${API}/market-data/stream?${query}`;
  }

  /** May this portfolio be read? @param {string} id @returns {Promise<Verdict>} */
  async verdict(id) {
    try {
      const { status } = await this.#ask(id);
      if (status === 401 || status === 403) return this.#right.link ? "gone" : "signed_out";
      return status === 404 || status === 422 ? "gone" : "yes";
    } catch {
      return "yes"; // nobody answers, or the next ticket tells
    }
  }

  /** @param {string} id @returns {Promise<{status: number}>} */
  async #ask(id) {
    const { base = "", link, ticket } = this.#right;
    const ending = new AbortController();
    const how = /** @type {RequestInit} */ ({ credentials: "include", cache: "no-store", signal: ending.signal });
    try {
      if (ticket) return await fetch(await this.of({ portfolios: [id], symbols: [] }, ""), how); // all it opens
      const query = link ? `?${new URLSearchParams({ link })}` : "";
      const known = id === LINKED ? NO_PORTFOLIO : encodeURIComponent(id);
      const { status } = await fetch(`${base}${API}/portfolios/${known}/valuation${query}`, how);
      const isRight = id === LINKED && [403, 404].includes(status); // to something else than no portfolio
      return { status: isRight ? 200 : status };
    } finally {
      ending.abort();
    }
  }

  /** Does the server answer, but not to pages of this origin? */
  async isBarred() {
    const { base = location.origin } = this.#right;
    if (new URL(base).origin === location.origin) return false;
    const everybodys = `${base}${API}/openapi.json`;
    const ending = new AbortController();
    const how = /** @type {RequestInit} */ ({ credentials: "omit", cache: "no-store", signal: ending.signal });
    /** @param {RequestMode} mode */
    const isAnswered = (mode) => fetch(everybodys, { ...how, mode }).then(() => true, () => false);
    const isBarred = !(await isAnswered("cors")) && (await isAnswered("no-cors"));
    ending.abort(); // the answer itself is of no interest
    return isBarred;
  }
}

/** @param {() => Promise<string>} ticket */
async function newTicket(ticket) {
  try {
    return await ticket();
  } catch (error) {
    const { status } = /** @type {{status?: number}} */ (error);
    if (status === 401 || status === 403) throw new Refusal("signed_out");
    throw error;
  }
}
