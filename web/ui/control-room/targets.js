/** Names of users and portfolios, which the server's rules and orders call by their ids. */

import { get } from "../api.js";
import { clock } from "../clock.js";

const MOST = 500; // in one answer
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;

const names = new Map();
const ids = new Map();

/**
 * Read them, and offer them to the fields that ask for a target: of portfolios one's own, and those
 * that this month's calls served; others are named by their ids. The usage brings the server's time too.
 */
export async function loadTargets() {
  const [users, usage, own, providers] = await Promise.all([
    get(`/admin/users?limit=${MOST}`),
    get(`/admin/api-usage?limit=${MOST}`),
    get(`/portfolios?limit=${MOST}`),
    get(`/admin/providers?limit=${MOST}`),
  ]);
  clock.set(usage.last_updated);
  const used = usage.by_portfolio.map(({ portfolio_id: id, portfolio_name: name }) => ({ id, name }));
  const portfolios = new Map([...used, ...own].filter(({ id, name }) => id && name).map(({ id, name }) => [id, name]));
  offer("users", new Map(users.map(({ id, email }) => [id, email])));
  offer("portfolios", portfolios);
  document.getElementById("providers").replaceChildren(...providers.map(({ name }) => new Option("", name)));
}

/** @param {string} list @param {Map<string, string>} found names by id */
function offer(list, found) {
  const options = [...found].map(([id, name]) => {
    const isTaken = ids.has(name) && ids.get(name) !== id;
    const unique = isTaken ? `${name} (${id.slice(0, 8)})` : name;
    names.set(id, unique);
    ids.set(unique, id);
    return new Option("", unique);
  });
  document.getElementById(list).replaceChildren(...options);
}

/** The name of an id, or the id. @param {string} id */
export const nameOf = (id) => names.get(id) ?? id;

/** The id of a name, or the one in what was given: it may be an id, or the address of a page. @param {string} name */
export const idOf = (name) => ids.get(name) ?? name.match(UUID)?.[0] ?? name;

/** A sentence of the server's with names instead of ids. @param {string} sentence */
export const named = (sentence) => sentence.replace(UUID, (id) => (names.has(id) ? `“${names.get(id)}”` : id));
