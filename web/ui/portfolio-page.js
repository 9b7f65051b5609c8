/**
 * The portfolio page: who is looking, at which portfolio, and what the parts tell each other.
 * With ?link= in the address it shows that one portfolio, read-only, to whoever has the link.
 */

import { get, post, remove } from "./api.js";
import { clock } from "./clock.js";
import "./connection-indicator.js";
import { keepDetails } from "./details.js";
import { setProblem, setText } from "./dom.js";
import "./holding-form.js";
import "./holdings-table.js";
import { Ledger } from "./ledger.js";
import { MarketStream } from "./market-stream.js";
import "./portfolio-picker.js";
import "./portfolio-summary.js";
import "./refresh-button.js";

/** How often at most, in ms, the whole valuation is read when an event does not tell all. */
const READ_EVERY = { changed: 2_000, partial: 30_000 };

const address = new URLSearchParams(location.search);
const link = address.get("link");
const find = (selector) => document.querySelector(selector);
const indicator = find("connection-indicator");
const picker = find("portfolio-picker");
const summary = find("portfolio-summary");
const table = find("holdings-table");
const form = find("holding-form");
const refresh = find("refresh-button");
const ledger = new Ledger();
let portfolio = null;
let stream = null;
let unsubscribe = () => {};
let isReading = false;
let isReadAgain = false;
let readAt = 0;

/** Read the whole valuation again, unless the stream brings a newer one meanwhile. */
async function readAgain() {
  if (isReading) return void (isReadAgain = true);
  isReading = true;
  readAt = Date.now();
  const { id } = portfolio;
  try {
    for (let tries = 0; tries < 3; tries += 1) {
      const { version } = ledger;
      const valuation = await get(`/portfolios/${id}/valuation${link ? `?link=${encodeURIComponent(link)}` : ""}`);
      if (portfolio?.id !== id) return;
      setProblem(find("#problem"), "");
      if (ledger.version === version || tries === 2) return ledger.value(valuation);
    }
  } catch (error) {
    if (error.status === 404) stream.close();
    if (error.status !== 0) explain(error); // the indicator says already that nobody answers
  } finally {
    isReading = false;
    if (isReadAgain) {
      isReadAgain = false;
      readAgain();
    }
  }
}

/** Say why something did not work; who is not signed in is sent to do so. */
function explain(error) {
  if (error.status === 401 && !link) return leave();
  const ended = link && [401, 403, 404].includes(error.status);
  if (ended) stream.close();
  setProblem(find("#problem"), ended ? "This link has ended, or never was one." : error.message);
}

function leave() {
  stream?.close();
  location.assign("/sign-in");
}

function show(chosen) {
  unsubscribe();
  portfolio = chosen;
  ledger.clear();
  setProblem(find("#problem"), "");
  find("#view").hidden = true;
  unsubscribe = stream.subscribe(
    { portfolios: [chosen.id] },
    {
      portfolio: (update, isComplete) => ledger.value(update, isComplete),
      price: (update) => ledger.price(update),
      gone: readAgain,
    },
  );
  setText(find("#title"), chosen.name);
  document.title = chosen.name;
  showCondition();
}

function connect(audience) {
  const heartbeatSeconds = Number(document.body.dataset.heartbeatSeconds);
  stream = new MarketStream({ heartbeatSeconds, ...(link ? { link } : { audience }) });
  stream.addEventListener("condition", showCondition);
  stream.addEventListener("clock", ({ detail }) => clock.set(detail));
}

function showCondition() {
  if (!portfolio) return;
  const { condition } = stream;
  if (condition.state === "refused") readAgain();
  const isLive = stream.isLive(portfolio.id);
  indicator.show(condition);
  summary.trust(isLive);
  document.body.classList.toggle("not-live", !isLive);
}

function showPicked({ detail: chosen }) {
  if (!chosen) {
    setText(find("#problem"), "There is no portfolio yet. Create one with “New portfolio”.");
    find("#problem").hidden = false;
    indicator.hidden = true;
    return;
  }
  indicator.hidden = false;
  history.replaceState(null, "", `/?portfolio=${chosen.id}`);
  form.portfolio = chosen;
  refresh.portfolioId = chosen.id;
  show(chosen);
}

ledger.addEventListener("change", () => {
  find("#view").hidden = !ledger.totals;
  find("#empty").hidden = !ledger.isEmpty;
  find("#simulated").hidden = !ledger.isSimulated;
  if (!ledger.isWhole && Date.now() - readAt > READ_EVERY.changed) readAgain();
});

// What has no price is named only in the valuation, and its changes are in no event.
setInterval(() => {
  if (portfolio && stream.isLive(portfolio.id) && (ledger.totals?.partial || !ledger.isWhole)) readAgain();
}, READ_EVERY.partial);

summary.follow(ledger);
table.follow(ledger);

async function startOwn() {
  keepDetails(ledger);
  form.hidden = refresh.hidden = find("#account").hidden = false;
  form.addEventListener("holding-saved", readAgain);
  table.addEventListener("remove-holding", async ({ detail: symbol }) => {
    setProblem(find("#problem"), "");
    try {
      await remove(`/portfolios/${portfolio.id}/holdings/${encodeURIComponent(symbol)}`);
    } catch (error) {
      if (error.status !== 404) explain(error); // it was removed elsewhere
    }
    await readAgain();
  });
  picker.addEventListener("pick", showPicked);
  find("#sign-out").addEventListener("click", () => post("/auth/logout").then(leave, explain));
  try {
    const user = await get("/auth/me");
    setText(find("#who"), user.email);
    find("#control-room").hidden = user.role !== "admin";
    connect(user.id);
    await picker.load(address.get("portfolio"));
  } catch (error) {
    explain(error);
  }
}

function startShared() {
  document.body.classList.add("shared");
  connect();
  show({ id: address.get("portfolio") ?? "", name: "Shared portfolio" });
}

if (link) startShared();
else startOwn();
