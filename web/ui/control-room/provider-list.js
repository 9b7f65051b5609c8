import { patch } from "../api.js";
import { fieldsOf, setText } from "../dom.js";
import { NOTHING, quantity } from "../format.js";
import { valueOf } from "./form-body.js";
import { ListSection } from "./list-section.js";
import { badge, button, details, faint, strong, when } from "./parts.js";
import { askReason } from "./reason-dialog.js";
import { forgive, onSend } from "./room-form.js";
import { tellChange } from "./room-section.js";

const TONE = { active: "good", rate_limited: "warning", error: "bad", disabled: "" };

function limits({ calls_per_second: second, calls_per_minute: minute, calls_per_day: day, reset_timezone: zone }) {
  const each = [[second, "a second"], [minute, "a minute"], [day, "a day"]].filter(([count]) => count != null);
  if (!each.length) return "none";
  return [each.map(([count, per]) => `${quantity(count)} ${per}`).join(", "), faint(zone ? `days of ${zone}` : "")];
}

function costs({ cost_per_call: call, monthly_cost: month }) {
  const each = [call && `${quantity(call)} a call`, month && `${quantity(month)} a month`].filter(Boolean);
  return each.join(", ") || NOTHING;
}

const counted = (count) => (count === 1 ? "1 exchange" : `${quantity(count)} exchanges`);

/** <provider-list>: the price sources with their breakers; switch, order, limits and costs. */
class ProviderList extends ListSection {
  path = "providers";
  key = ({ name }) => name;
  #edited = null;

  columns = [
    { label: "Provider", show: ({ name }) => strong(name) },
    { label: "Order", show: ({ priority }) => quantity(priority), isNumber: true },
    {
      label: "State",
      show: ({ status, reason }) => [badge(status.replace("_", " "), TONE[status]), faint(reason ?? "")],
    },
    { label: "Next try", show: ({ next_try: at }) => when(at) },
    { label: "Exchanges", show: ({ exchanges }) => details(counted(exchanges.length), [exchanges.join(", ")]) },
    { label: "Limits", show: limits },
    { label: "Cost", show: costs },
    {
      label: "",
      show: ({ name, enabled }) => [
        button("edit", "Edit", `Edit ${name}`),
        enabled ? button("switch", "Disable", `Disable ${name}`) : button("switch", "Enable", `Enable ${name}`),
      ],
    },
  ];

  prepare() {
    super.prepare();
    onSend(this.#form, () => this.#save());
    this.querySelector("[data-action=cancel]").addEventListener("click", () => this.#dialog.close());
  }

  act(action, provider) {
    if (action === "edit") this.#edit(provider);
    else this.#switch(provider);
  }

  #switch({ name, enabled }) {
    const question = {
      title: enabled ? `Disable ${name}?` : `Enable ${name}?`,
      text: enabled ? "It is asked for nothing; the next provider takes over." : "It is asked again in its order.",
      action: enabled ? "Disable" : "Enable",
    };
    askReason(question, (reason) => patch(pathOf(name), { enabled: !enabled, reason }));
  }

  #edit(provider) {
    this.#edited = provider;
    forgive(this.#form);
    setText(fieldsOf(this.#form).title, `Edit ${provider.name}`);
    for (const field of this.#form.elements) if (field.name) field.value = typed(provider[field.name]);
    this.#form.elements.reason.value = "";
    this.#dialog.showModal();
  }

  /** Only what was changed is sent; what was emptied is left to the settings again. */
  async #save() {
    const { name: edited, ...before } = this.#edited;
    const { reason } = this.#form.elements;
    const fields = [...this.#form.elements].filter((field) => field.name && field !== reason);
    const changed = fields.filter(({ name, value }) => value.trim() !== typed(before[name]));
    const changes = changed.map((field) => [field.name, sent(field)]);
    await patch(pathOf(edited), { ...Object.fromEntries(changes), reason: reason.value.trim() });
    this.#dialog.close();
    tellChange();
  }

  get #dialog() {
    return this.querySelector("dialog");
  }

  get #form() {
    return this.#dialog.querySelector("form");
  }
}

const pathOf = (name) => `/admin/providers/${encodeURIComponent(name)}`;

/** A value as it stands in its field. @param {string | number | string[] | null} value */
const typed = (value) => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

function sent(field) {
  if (!field.value.trim()) return null;
  if (field.name === "exchanges") return field.value.toUpperCase().split(/[\s,]+/).filter(Boolean);
  return valueOf(field);
}

customElements.define("provider-list", ProviderList);
