/**
 * The portfolio page: who is looking, at which portfolio, and what the parts tell each other.
 * With ?link= in the address it shows that one portfolio, read-only, to whoever has the link.
 */

import { get, removeIfThere } from "./api.js";
import { confirmFirst } from "./confirm-dialog.js";
import { keepDetails } from "./details.js";
import { closeDialogs, setProblem, setText } from "./dom.js";
import "./edit-portfolio.js";
import "./holding-form.js";
import "./holdings-table.js";
import "./import-dialog.js";
import { Ledger } from "./ledger.js";
import { connect } from "./live.js";
import { LINKED } from "./market-stream.js";
import "./new-portfolio.js";
import { delay, isPassing, persist } from "./persist.js";
import "./portfolio-chart.js";
import "./portfolio-links.js";
import "./portfolio-picker.js";
import "./portfolio-summary.js";
import "./refresh-button.js";
import { excuse, explain, leave, whoIs } from "./session.js";
import { ValuationReader } from "./valuation-reader.js";

const address = new URLSearchParams(location.search);
const link = address.get("link");
const asked = address.get("portfolio")?.toLowerCase();
const find = (selector) => document.querySelector(selector);
const [picker, editor, links, summary, chart, table, form, refresh, imports] = [
  "portfolio-picker", "edit-portfolio", "portfolio-links", "portfolio-summary", "portfolio-chart", "holdings-table",
  "holding-form", "refresh-button", "import-dialog",
].map(find);
const ledger = new Ledger();
const reader = new ValuationReader(ledger, get, readingEnded);
const query = link ? `?${new URLSearchParams({ link })}` : "";
let portfolio = null;
let stream = null;
let unsubscribe = () => {};
let failures = 0; // in a row, of reading the values
let again = 0;

function show(chosen) {
  unsubscribe();
  portfolio = chosen;
  ledger.clear();
  excuse();
  if (chosen.id !== LINKED) know(chosen.id);
  setText(find("#title"), chosen.name);
  document.title = chosen.name;
  unsubscribe = stream.subscribe(
    { portfolios: [chosen.id] },
    {
      portfolio: (update, ...how) => {
        if (portfolio.id === LINKED) know(update.portfolio_id);
        ledger.value(update, ...how);
      },
      price: (update) => ledger.price(update),
      gone: end,
    },
  );
  showCondition();
}

/** Which portfolio it is; by a link alone that is known when its first value comes. */
function know(id) {
  portfolio.id = id;
  reader.path = `/portfolios/${encodeURIComponent(id)}/valuation${query}`;
}

/** There is nothing to be seen here, or not any more: no value stays, nor a dialog about it. */
function end() {
  unsubscribe();
  for (const root of [find("#view"), editor, links, find("confirm-dialog")]) closeDialogs(root);
  portfolio = null;
  reader.path = "";
  ledger.clear();
  editor.portfolio = links.portfolio = null;
  find("#loading").hidden = true;
  find("connection-indicator").hidden = true;
  excuse();
  setProblem(
    find("#problem"),
    link ? "This link has ended, or never was one." : "This portfolio is not there, or it is not yours.",
  );
}

function showCondition() {
  const { reason, nextUpdateAt } = stream.condition;
  if (reason === "signed_out") return leave(true);
  if (!portfolio) return;
  const isLive = stream.isLive(portfolio.id);
  summary.trust(isLive, nextUpdateAt);
  if (!link) chart.trust(isLive);
  document.body.classList.toggle("not-live", !isLive);
}

function readingEnded(error) {
  clearTimeout(again);
  failures = error ? failures + 1 : 0;
  if (!error) return excuse();
  if (error.status === 404 || (link && [401, 403].includes(error.status))) return end();
  if (error.status !== 0) explain(error); // the indicator says already that nobody answers
  if (isPassing(error)) again = setTimeout(() => reader.read(), delay(error, failures - 1));
}

function showPicked({ detail: chosen }) {
  if (!chosen) return end();
  find("connection-indicator").hidden = false;
  history.replaceState(null, "", `/?portfolio=${chosen.id}`);
  form.portfolio = chart.portfolio = editor.portfolio = links.portfolio = chosen;
  refresh.portfolioId = imports.portfolioId = chosen.id;
  find("#export").href = `/api/v1/portfolios/${chosen.id}/holdings/export`;
  show(chosen);
}

function removeHolding({ detail: symbol }) {
  const path = `/portfolios/${portfolio.id}/holdings/${encodeURIComponent(symbol)}`;
  const text = `${symbol} leaves this portfolio, with its quantity and cost.`;
  confirmFirst({ title: "Remove the holding?", text, action: "Remove" }, async () => {
    await removeIfThere(path);
    reader.read();
  });
}

const pick = (id) => persist(() => picker.load(id), explain);

async function startOwn() {
  keepDetails(ledger);
  summary.askNext = async () => (await get("/market-data/status")).next_update;
  chart.follow(ledger);
  chart.hidden = form.hidden = refresh.hidden = false;
  form.addEventListener("holding-saved", () => reader.read());
  imports.addEventListener("imported", () => reader.read());
  table.addEventListener("edit-holding", ({ detail }) => form.edit(detail).catch(explain));
  table.addEventListener("remove-holding", removeHolding);
  picker.addEventListener("pick", showPicked);
  for (const [element, event] of [["new-portfolio", "created"], ["edit-portfolio", "saved"]]) {
    find(element).addEventListener(event, ({ detail }) => pick(detail.id).catch(explain));
  }
  editor.addEventListener("deleted", () => location.assign("/portfolios"));
  try {
    const user = await persist(whoIs, explain);
    stream = connect({ audience: user.id }, showCondition);
    await pick(asked);
  } catch (error) {
    find("#loading").hidden = true;
    explain(error);
  }
}

function startShared() {
  document.body.classList.add("shared");
  stream = connect({ link }, showCondition);
  show({ id: asked || LINKED, name: "Shared portfolio" });
}

ledger.addEventListener("change", () => {
  if (!ledger.totals) closeDialogs(find("#view"));
  find("#view").hidden = !ledger.totals;
  find("#loading").hidden = Boolean(ledger.totals) || !portfolio;
  find("#empty").hidden = !ledger.isEmpty;
  find("#simulated").hidden = !ledger.isSimulated;
});
summary.follow(ledger);
table.follow(ledger);
reader.watch(() => portfolio !== null && stream.isLive(portfolio.id));
if (link) startShared();
else startOwn();
