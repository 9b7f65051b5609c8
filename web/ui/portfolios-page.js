/** The list of portfolios, each with its value of now. Who has one only is led to it from the front door. */

import { get } from "./api.js";
import "./api-tokens.js";
import { fieldsOf, setChange, setText } from "./dom.js";
import { change, money, percent, share, time } from "./format.js";
import { connect } from "./live.js";
import "./new-portfolio.js";
import { isPassing, persist } from "./persist.js";
import { listPortfolios } from "./portfolio-picker.js";
import { excuse, explain, leave, whoIs } from "./session.js";

const LIVE = 5; // portfolios that one stream carries
const ROUND = 30_000; // ms, in which the list is read, and of the portfolios that are not live
const MOST = 18; // are valued, those first whose turn was longest ago: the server limits what a viewer may ask for
const find = (selector) => document.querySelector(selector);
const open = ({ id }) => location.assign(`/?portfolio=${id}`);
const cards = new Map();
let carried = [];
let unsubscribe = () => {};
let roundAt = 0;

function card() {
  const element = find("#portfolio-card").content.cloneNode(true).firstElementChild;
  return { element, fields: fieldsOf(element), portfolio: null, update: null, receivedAt: 0, askedAt: 0 };
}

/** @param {{id: string, name: string, holding_count: number}[]} portfolios all there are, in their order */
function keep(portfolios, stream) {
  const list = find("#portfolios");
  const ids = portfolios.map(({ id }) => id);
  for (const id of cards.keys()) if (!ids.includes(id)) remove(id);
  portfolios.forEach((portfolio, index) => {
    const { id, name } = portfolio;
    if (!cards.has(id)) cards.set(id, card());
    const known = cards.get(id);
    known.portfolio = portfolio;
    setText(known.fields.name, name);
    known.fields.name.href = `/?portfolio=${id}`;
    if (list.children[index] !== known.element) list.insertBefore(known.element, list.children[index] ?? null);
    show(id, stream);
  });
  showWhetherEmpty();
  carry(ids.slice(0, LIVE), stream);
}
function show(id, stream) {
  const { element, fields, portfolio, update, receivedAt } = cards.get(id);
  if (!update) return;
  const { currency } = update;
  setText(fields.total, money(update.total_value, currency));
  setChange(fields.day, change(update.daily_change, currency), update.daily_change);
  setChange(fields["day-percent"], percent(update.daily_change_percent), update.daily_change);
  const isLive = stream.isLive(id);
  element.classList.toggle("not-live", !isLive);
  setText(fields.note, isLive ? freshness(portfolio, update) : `as of ${time(new Date(receivedAt), { seconds: true })}`);
}

function freshness({ holding_count: count }, { fresh_percent: fresh, partial }) {
  const held = count === 1 ? "1 holding" : `${count} holdings`;
  if (count === 0) return held;
  return `${held}, ${share(fresh)} of prices fresh${partial ? "; not everything has a price" : ""}`;
}

function take(id, update, stream, receivedAt = Date.now()) {
  const known = cards.get(id);
  if (!known) return;
  Object.assign(known, { update, receivedAt });
  if (update.holdings.some(({ source }) => source === "simulated")) find("#simulated").hidden = false;
  show(id, stream);
}

function follow(stream) {
  if (stream.condition.reason === "signed_out") return leave(true);
  for (const id of cards.keys()) show(id, stream);
}

/** @param {string[]} ids of which the values come by the stream */
function carry(ids, stream) {
  if (ids.join() === carried.join()) return;
  carried = ids;
  unsubscribe();
  for (const id of ids) cards.get(id).askedAt = Date.now();
  const portfolio = (update, _, receivedAt) => take(update.portfolio_id, update, stream, receivedAt);
  unsubscribe = stream.subscribe({ portfolios: ids }, { portfolio, gone: drop });
}

/** @returns {Promise<boolean>} whether the server has answered */
async function read(id, stream) {
  cards.get(id).askedAt = Date.now();
  try {
    take(id, await get(`/portfolios/${id}/valuation`), stream);
  } catch (error) {
    if (error.status === 404) drop(id);
    else if (isPassing(error)) return false;
    else if (cards.has(id)) setText(cards.get(id).fields.note, error.message);
  }
  return true;
}

async function readOthers(stream) {
  if (document.hidden || Date.now() - roundAt < ROUND * 0.9) return; // a round may begin a little early
  roundAt = Date.now();
  const ids = [...cards.keys()].filter((id) => !stream.isLive(id) && Date.now() - cards.get(id).askedAt > ROUND / 2);
  ids.sort((one, other) => cards.get(one).askedAt - cards.get(other).askedAt);
  for (const id of ids.slice(0, MOST)) {
    if (cards.has(id) && (document.hidden || !(await read(id, stream)))) return;
  }
}

function drop(id) {
  remove(id);
  showWhetherEmpty();
}

function remove(id) {
  cards.get(id)?.element.remove();
  cards.delete(id);
}

function showWhetherEmpty() {
  const isEmpty = cards.size === 0;
  find("#empty").hidden = !isEmpty;
  find("#portfolios").hidden = find("connection-indicator").hidden = isEmpty;
}

/** What other tabs made, renamed or deleted is seen when this one is. */
async function readList(stream) {
  const portfolios = await listPortfolios().catch(() => null); // the next round reads it again
  if (portfolios) keep(portfolios, stream);
}

async function start() {
  find("new-portfolio").addEventListener("created", ({ detail }) => open(detail));
  try {
    const user = await persist(whoIs, explain);
    const portfolios = await persist(listPortfolios, explain);
    excuse();
    if (location.pathname === "/" && portfolios.length === 1) return location.replace(`/?portfolio=${portfolios[0].id}`);
    const stream = connect({ audience: user.id }, follow);
    keep(portfolios, stream);
    find("#loading").hidden = true;
    readOthers(stream);
    const look = async () => {
      if (document.hidden) return;
      await readList(stream);
      readOthers(stream);
    };
    setInterval(look, ROUND);
    document.addEventListener("visibilitychange", look);
  } catch (error) {
    find("#loading").hidden = true;
    explain(error);
  }
}

start();
