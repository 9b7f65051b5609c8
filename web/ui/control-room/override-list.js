import { remove } from "../api.js";
import { clock } from "../clock.js";
import { quantity } from "../format.js";
import { ListSection } from "./list-section.js";
import { makeOrderForm } from "./order-form.js";
import { badge, button, countdown, faint, strong, when } from "./parts.js";
import { askReason } from "./reason-dialog.js";
import { showOnly } from "./shown-fields.js";
import { nameOf } from "./targets.js";

const WHAT = {
  disable_updates: "No updates",
  force_interval: "Interval",
  emergency_stop: "Emergency stop",
  price: "Price",
};

/** The scopes that each type takes, the usual one first. */
const SCOPES = {
  price: ["symbol"],
  force_interval: ["symbol", "portfolio", "user", "global"],
  disable_updates: ["symbol", "portfolio", "user", "provider", "global"],
  emergency_stop: ["global"],
};

const FIELDS = { price: ["price"], force_interval: ["interval_minutes"] };
const TONE = { active: "good", expired: "", removed: "" };

/** What an override is about, for people. */
export function whom({ scope, target_id: id, provider_id: provider, symbol }) {
  return scope === "global" ? "everything" : `${scope} ${symbol ?? provider ?? nameOf(id)}`;
}

function what({ override_type: type, override_value: minutes, override_price: price }) {
  if (type === "price") return `${WHAT.price} ${quantity(price)}`;
  return type === "force_interval" ? `${WHAT.force_interval} ${quantity(minutes)} min` : WHAT[type];
}

function ending({ status, expires_at: until, removed_at: removed, removed_by: by, removed_reason: reason }) {
  if (status === "removed") return [when(removed), faint([by, reason].filter(Boolean).join(": "))];
  if (status === "expired" || !until) return until ? when(until) : "until it is undone";
  return [when(until), faint(`in ${countdown((Date.parse(until) - clock.now()) / 1000)}`)];
}

/** Ask for a reason and remove an override. @param {any} override */
export function undo(override, title = "Undo the override?") {
  const question = { title, text: `${what(override)} for ${whom(override)} ends now.`, action: "Undo it" };
  askReason(question, (reason) => remove(`/admin/overrides/${override.id}?reason=${encodeURIComponent(reason)}`));
}

/** <override-list>: what is forced, how long still; list, order, undo. */
class OverrideList extends ListSection {
  path = "overrides";

  columns = [
    { label: "What", show: (override) => strong(what(override)) },
    { label: "For", show: whom },
    { label: "State", show: ({ status }) => badge(status, TONE[status]) },
    { label: "Since", show: ({ effective_time: since }) => when(since) },
    { label: "Ends", show: ending },
    { label: "Reason", show: ({ reason, admin_user: by }) => [reason, faint(by)], isLong: true },
    { label: "", show: (override) => (override.status === "active" ? undoButton(override) : "") },
  ];

  prepare() {
    super.prepare();
    const form = this.querySelector("form.order");
    const { override_type: type, scope } = form.elements;
    const offerScopes = () => {
      for (const option of scope.options) option.hidden = option.disabled = !SCOPES[type.value].includes(option.value);
      if (scope.selectedOptions[0]?.disabled) scope.value = SCOPES[type.value][0];
    };
    form.addEventListener("change", offerScopes);
    offerScopes();
    showOnly(form, "scope", (chosen) => [chosen, ...(FIELDS[type.value] ?? [])]);
    makeOrderForm(form, "/admin/overrides", (override) => `Ordered: ${what(override)} for ${whom(override)}.`);
    setInterval(() => this.isOpen && this.table.again(), 1_000);
  }

  act(_action, override) {
    undo(override);
  }
}

const undoButton = (override) => button("undo", "Undo", `Undo ${what(override)} for ${whom(override)}`);

customElements.define("override-list", OverrideList);
