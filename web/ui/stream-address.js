/** Where the stream of a server is, by what right, and what an answer that is no stream means. */

import { Refusal } from "./stream-connection.js";

const API = "/api/v1";

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
    if (portfolios.length) query.set("portfolio_ids", portfolios.join(","));
    if (symbols.length) query.set("symbols", symbols.join(","));
    if (lastEventId) query.set("last_event_id", lastEventId);
    const { base = "", link, ticket } = this.#right;
    if (link) query.set("link", link);
    if (ticket) query.set("ticket", await newTicket(ticket));
    return `${base}${API}/market-data/stream?${query}`;
  }

  /** May this portfolio be read? @param {string} id @returns {Promise<"yes" | "gone" | "signed_out">} yes: or unknown */
  async verdict(id) {
    const { base = "", link, ticket } = this.#right;
    if (ticket) return "yes"; // the next ticket tells
    const query = link ? `?${new URLSearchParams({ link })}` : "";
    try {
      const { status } = await fetch(`${base}${API}/portfolios/${encodeURIComponent(id)}/valuation${query}`, {
        credentials: "include",
        cache: "no-store",
      });
      if (status === 401 || status === 403) return link ? "gone" : "signed_out";
      return status === 404 || status === 422 ? "gone" : "yes";
    } catch {
      return "yes"; // nobody answers
    }
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
