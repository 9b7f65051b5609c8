import { remove } from "../api.js";
import { quantity } from "../format.js";
import { ListSection } from "./list-section.js";
import { makeOrderForm } from "./order-form.js";
import { badge, button, faint, strong, when } from "./parts.js";
import { askReason } from "./reason-dialog.js";
import { showOnly } from "./shown-fields.js";
import { nameOf } from "./targets.js";

const whom = ({ config_type: type, target_id: id }) => (type === "global" ? "everything" : `${type} ${nameOf(id)}`);
const minutes = (count) => `${quantity(count)} min`;

/** <poll-intervals>: how often to poll for everything, a user or a portfolio; list, order, end. */
class PollIntervals extends ListSection {
  path = "poll-intervals";

  columns = [
    { label: "For", show: (interval) => strong(whom(interval)) },
    { label: "Every", show: ({ interval_minutes: count }) => minutes(count), isNumber: true },
    { label: "State", show: (interval) => stateOf(interval) },
    { label: "From", show: ({ effective_from: from }) => when(from) },
    { label: "Until", show: ({ effective_until: until, expired_at: ended }) => when(ended ?? until) },
    { label: "Reason", show: ({ reason, created_by: by }) => [reason, faint(by)], isLong: true },
    {
      label: "",
      show: (interval) => (isEnded(interval) ? "" : button("end", "End", `End the interval for ${whom(interval)}`)),
    },
  ];

  prepare() {
    super.prepare();
    const form = this.querySelector("form.order");
    showOnly(form, "config_type", (type) => ({ global: [], user: ["user"], portfolio: ["portfolio"] })[type]);
    makeOrderForm(
      form,
      "/admin/poll-intervals",
      (interval) => `Ordered for ${whom(interval)}: every ${minutes(interval.interval_minutes)}.`,
    );
  }

  act(_action, interval) {
    const question = {
      title: "End the interval?",
      text: `${minutes(interval.interval_minutes)} for ${whom(interval)} ends now; the next rule takes its place.`,
      action: "End it",
    };
    askReason(
      question,
      (reason) => remove(`/admin/poll-intervals/${interval.id}?reason=${encodeURIComponent(reason)}`),
    );
  }
}

const isEnded = ({ is_active: isActive, expired_at: ended }) => !isActive && ended !== null;

function stateOf(interval) {
  if (interval.is_active) return badge("in force", "good");
  return isEnded(interval) ? badge("ended") : badge("to come", "warning");
}

customElements.define("poll-intervals", PollIntervals);
