import { get } from "../api.js";
import { fieldsOf, setText } from "../dom.js";
import { quantity, share } from "../format.js";
import "./budget-chart.js";
import { faint, strong, when } from "./parts.js";
import { daysOf } from "./period.js";
import { RecordTable } from "./record-table.js";
import { RoomSection } from "./room-section.js";

const MOST = 100; // rows of each list; the export has all

const PROVIDERS = [
  { label: "Provider", show: ({ provider_name: name }) => strong(name) },
  { label: "Today", show: ({ requests_today: count }) => quantity(count), isNumber: true },
  { label: "Failed today", show: ({ errors_today: count }) => quantity(count), isNumber: true },
  { label: "This month", show: ({ requests_this_month: count }) => quantity(count), isNumber: true },
  { label: "Left today", show: (used) => leftOf(used), isNumber: true },
  { label: "Last call", show: ({ last_request_at: at }) => when(at) },
];

const COUNTS = [
  { label: "Calls", show: ({ requests }) => quantity(requests), isNumber: true },
  { label: "Cost", show: ({ cost }) => quantity(cost), isNumber: true },
];

const LISTS = {
  by_user: [{ label: "User", show: ({ user_email: email }) => email ?? faint("nobody in particular") }, ...COUNTS],
  by_portfolio: [
    { label: "Portfolio", show: ({ portfolio_name: name }) => name ?? faint("no portfolio") },
    ...COUNTS,
  ],
  by_type: [{ label: "Kind", show: ({ type }) => type }, ...COUNTS],
  by_date: [
    { label: "Day (UTC)", show: ({ date }) => dayOf(date) },
    { label: "Calls", show: ({ total_requests: count }) => quantity(count), isNumber: true },
    { label: "Failed", show: ({ failed_requests: count }) => quantity(count), isNumber: true },
    { label: "Symbols", show: ({ unique_symbols: count }) => quantity(count), isNumber: true },
    { label: "Cost", show: ({ cost }) => quantity(cost), isNumber: true },
  ],
};

const leftOf = ({ rate_limit_remaining: left, rate_limit_total: total }) =>
  total == null ? "no limit" : `${quantity(left)} of ${quantity(total)}`;

const dayOf = (date) =>
  new Date(`${date}T00:00Z`).toLocaleDateString(undefined, { dateStyle: "medium", timeZone: "UTC" });

/** <api-usage>: today's budget, and the calls of a period by provider, user, portfolio and day. */
class ApiUsage extends RoomSection {
  #providers = null;
  #lists = new Map();

  prepare() {
    this.#providers = new RecordTable(this.querySelector("table.providers"), PROVIDERS, (used) => used.provider_name);
    for (const [name, columns] of Object.entries(LISTS)) {
      const table = this.querySelector(`table.${name}`);
      this.#lists.set(name, new RecordTable(table, columns, (_row, index) => String(index)));
    }
    const form = this.querySelector("form.period");
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("change", () => {
      this.#offerDays(form);
      this.read();
    });
    this.#offerDays(form);
  }

  async load(isLatest) {
    const query = new URLSearchParams(this.#question());
    this.querySelector("a[download]").href = `/api/v1/admin/api-usage/export?${query}`;
    query.set("limit", MOST);
    const usage = await get(`/admin/api-usage?${query}`);
    if (!isLatest()) return true;
    this.#summarise(usage.summary);
    this.#providers.show(usage.by_provider);
    this.querySelector("budget-chart").show(usage.by_provider, usage.last_updated);
    for (const [name, table] of this.#lists) {
      table.show(usage[name]);
      this.querySelector(`.none.${name}`).hidden = usage[name].length > 0;
      this.querySelector(`table.${name}`).hidden = !usage[name].length;
    }
    return true;
  }

  #summarise(summary) {
    const fields = fieldsOf(this);
    setText(fields.today, quantity(summary.total_requests_today));
    setText(fields.month, quantity(summary.total_requests_this_month));
    setText(fields.success, share(summary.success_rate_today));
    setText(fields.cost, quantity(summary.estimated_cost_this_month));
    setText(fields.forecast, quantity(summary.forecast_cost_this_month));
  }

  #offerDays(form) {
    const isOwn = form.elements.period.value === "own";
    for (const part of form.querySelectorAll(".own-days")) part.hidden = !isOwn;
  }

  /** The days, and the provider if one is chosen. @returns {Record<string, string>} */
  #question() {
    const { period, start_date: start, end_date: end, provider } = this.querySelector("form.period").elements;
    const days = period.value === "own" ? { start_date: start.value, end_date: end.value } : daysOf(period.value);
    const asked = { ...days, provider: provider.value.trim() };
    return Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
  }
}

customElements.define("api-usage", ApiUsage);
