/** The list of portfolios, each with its value of now. Who has one only is led to it from the front door. */

import { get } from "./api.js";
import "./api-tokens.js";
import { fieldsOf, setChange, setText } from "./dom.js";
import { change, money, percent, share, time } from "./format.js";
import { connect } from "./live.js";
import "./new-portfolio.js";
import { persist } from "./persist.js";
import { listPortfolios } from "./portfolio-picker.js";
import { excuse, explain, leave, whoIs } from "./session.js";

const LIVE = 5; // portfolios that one stream carries
const READ_EVERY = 30_000; // ms, those beyond
const find = (selector) => document.querySelector(selector);
const open = ({ id }) => location.assign(`/?portfolio=${id}`);
const cards = new Map();

/** @param {{id: string, name: string, holding_count: number}} portfolio */
function card(portfolio) {
  const element = find("#portfolio-card").content.cloneNode(true).firstElementChild;
  const fields = fieldsOf(element);
  setText(fields.name, portfolio.name);
  fields.name.href = `/?portfolio=${portfolio.id}`;
  cards.set(portfolio.id, { element, fields, portfolio, update: null, receivedAt: 0 });
  return element;
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

function take(id, update, stream) {
  const known = cards.get(id);
  Object.assign(known, { update, receivedAt: Date.now() });
  if (update.holdings.some(({ source }) => source === "simulated")) find("#simulated").hidden = false;
  show(id, stream);
}

function follow(stream) {
  if (stream.condition.reason === "signed_out") return leave(true);
  for (const id of cards.keys()) show(id, stream);
}

async function read(id, stream) {
  if (!cards.has(id) || document.hidden) return;
  try {
    take(id, await get(`/portfolios/${id}/valuation`), stream);
  } catch (error) {
    if (error.status === 404) drop(id);
    else if (error.status !== 0) setText(cards.get(id).fields.note, error.message);
  }
}

function drop(id) {
  cards.get(id)?.element.remove();
  cards.delete(id);
}

async function start() {
  find("new-portfolio").addEventListener("created", ({ detail }) => open(detail));
  try {
    const user = await persist(whoIs, explain);
    const portfolios = await persist(listPortfolios, explain);
    excuse();
    if (location.pathname === "/" && portfolios.length === 1) return location.replace(`/?portfolio=${portfolios[0].id}`);
    find("#loading").hidden = true;
    find("#empty").hidden = portfolios.length > 0;
    find("connection-indicator").hidden = portfolios.length === 0;
    if (!portfolios.length) return;
    find("#portfolios").replaceChildren(...portfolios.map(card));
    find("#portfolios").hidden = false;
    const ids = portfolios.map(({ id }) => id);
    const stream = connect({ audience: user.id }, follow);
    stream.subscribe(
      { portfolios: ids.slice(0, LIVE) },
      { portfolio: (update) => take(update.portfolio_id, update, stream), gone: drop },
    );
    const others = ids.slice(LIVE);
    for (const id of others) read(id, stream);
    setInterval(() => others.forEach((id) => read(id, stream)), READ_EVERY);
  } catch (error) {
    find("#loading").hidden = true;
    explain(error);
  }
}

start();
