import { fieldsOf, setText } from "../dom.js";
import { quantity, time } from "../format.js";

const DAY = 86_400_000; // ms
const WIDTH = 600; // of the drawing in the template, as its height
const HEIGHT = 160;

/** <budget-chart>: for each limited provider how today's calls burn down, and when they will be spent. */
class BudgetChart extends HTMLElement {
  #shown = "";

  /** @param {any[]} providers by_provider of the usage @param {string} now the server's time */
  show(providers, now) {
    const limited = providers.filter(({ rate_limit_total: total }) => total != null);
    const description = JSON.stringify([limited, now.slice(0, 16)]);
    if (description === this.#shown) return;
    this.#shown = description;
    const figures = limited.map((provider) => figure(provider, Date.parse(now)));
    this.querySelector(".charts").replaceChildren(...figures);
    this.querySelector(".none").hidden = limited.length > 0;
    this.querySelector(".legend").hidden = !limited.length;
  }
}

/**
 * @param {any} provider with a limit
 * @param {number} now in ms
 */
function figure(provider, now) {
  const { provider_name: name, rate_limit_total: total, rate_limit_remaining: left } = provider;
  const end = Date.parse(provider.quota_resets_at);
  const start = end - DAY;
  const exhausted = provider.exhausts_at && Date.parse(provider.exhausts_at);
  const x = (at) => ((at - start) / DAY) * WIDTH;
  const y = (calls) => HEIGHT - (total ? calls / total : 0) * HEIGHT;
  const pace = (total - left) / Math.max(now - start, 1);
  const finish = exhausted ? [x(exhausted), y(0)] : [x(end), y(Math.max(0, left - pace * (end - now)))];

  const result = document.getElementById("budget-figure").content.cloneNode(true).firstElementChild;
  const fields = fieldsOf(result);
  const draw = (line, path) => fields[line].setAttribute("d", path);
  fields.drawing.setAttribute("aria-label", `Calls left of ${name} over its day`);
  draw("spent", `M0 ${y(total)}L${x(now)} ${y(left)}`);
  draw("ahead", `M${x(now)} ${y(left)}L${finish.join(" ")}`);
  fields.ahead.classList.toggle("early", Boolean(exhausted));
  fields.now.setAttribute("cx", x(now));
  fields.now.setAttribute("cy", y(left));
  setText(fields.caption, sentence(provider, exhausted, end));
  setText(fields.start, time(new Date(start)));
  setText(fields.end, time(new Date(end)));
  return result;
}

function sentence({ provider_name: name, rate_limit_total: total, rate_limit_remaining: left }, exhausted, end) {
  const budget = `${name}: ${quantity(left)} of ${quantity(total)} calls are left`;
  const renewed = time(new Date(end));
  if (left === 0) return `${budget} until ${renewed}.`;
  if (exhausted) return `${budget}; at today’s pace they are spent at ${time(new Date(exhausted))}, before ${renewed}.`;
  return `${budget}; at today’s pace they last until they are renewed at ${renewed}.`;
}

customElements.define("budget-chart", BudgetChart);
