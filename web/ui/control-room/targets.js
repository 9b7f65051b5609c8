/** Names of users and portfolios, which the server's rules and orders call by their ids. */

import { get } from "../api.js";
import { clock } from "../clock.js";

const MOST = 500; // in one answer
const UUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
const ID = "([0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12})";
const ALONE_OR_AT_THE_END = new RegExp(`(?:^|\\()${ID}\\)?$`, "i");
const IN_AN_ADDRESS = new RegExp(`[=/]${ID}(?![\\w-])`, "i");

const names = new Map();
/** @type {Map<string, Map<string, string[]>>} by list and name */
const ids = new Map();

/**
 * Read them, and offer them to the fields that ask for a target: of portfolios one's own, and those
 * that this month's calls served; others are named by their ids. The usage brings the server's time too.
 */
export async function loadTargets() {
  const [me, users, usage, own, providers] = await Promise.all([
    get("/auth/me"),
    get(`/admin/users?limit=${MOST}`),
    get(`/admin/api-usage?limit=${MOST}`),
    get(`/portfolios?limit=${MOST}`),
    get(`/admin/providers?limit=${MOST}`),
  ]);
  clock.set(usage.last_updated);
  const used = usage.by_portfolio.map(({ portfolio_id: id, portfolio_name: name }) => ({ id, name }));
  const mine = own.map(({ id, name }) => ({ id, name, owner: me.email }));
  const portfolios = new Map([...used, ...mine].filter(({ id, name }) => id && name).map((each) => [each.id, each]));
  offer("users", users.map(({ id, email }) => ({ id, name: email })));
  offer("portfolios", [...portfolios.values()]);
  document.getElementById("providers").replaceChildren(...providers.map(({ name }) => new Option("", name)));
}

/**
 * Of names that several have, or that look like an id, each is offered with the id that it stands for.
 * @param {string} list
 * @param {{id: string, name: string, owner?: string}[]} found
 */
function offer(list, found) {
  const known = new Map();
  for (const { id, name } of found) known.set(name, [...(known.get(name) ?? []), id]);
  ids.set(list, known);
  const options = found.map(({ id, name, owner }) => {
    const isClear = known.get(name).length === 1 && !idIn(name);
    names.set(id, isClear ? name : `${name}${owner ? ` of ${owner}` : ""} (${id})`);
    return new Option("", names.get(id));
  });
  document.getElementById(list).replaceChildren(...options);
}

/** The name of an id, or the id. @param {string} id */
export const nameOf = (id) => names.get(id) ?? id;

/** The id that was given: as it is, at the end of an offer, or in the address of a page. @param {string} text */
const idIn = (text) => (text.match(ALONE_OR_AT_THE_END) ?? text.match(IN_AN_ADDRESS))?.[1];

/**
 * The ids that may be meant. Names are free for everybody to choose: one never comes before an id.
 * @param {string} text an id or a name
 * @param {string} list that offers the names
 * @returns {string[]}
 */
export function idsOf(text, list) {
  const id = idIn(text);
  return id ? [id] : ids.get(list)?.get(text) ?? [];
}

/** A sentence of the server's with names instead of ids. @param {string} sentence */
export const named = (sentence) => sentence.replace(UUID, (id) => (names.has(id) ? `“${names.get(id)}”` : id));
