/** The sections that are plain lists. */

import { post, remove } from "../api.js";
import { quantity } from "../format.js";
import { ListSection } from "./list-section.js";
import { badge, button, faint, strong, when } from "./parts.js";
import { askReason } from "./reason-dialog.js";
import { named } from "./targets.js";

const RULES = {
  factor: "100 times or a hundredth of it: perhaps another unit",
  jump: "it moved too far at once",
  currency: "it is in another currency",
  unproven: "no other source says so",
};

/** <call-schedule>: the next calls, each with why it is made. */
class CallSchedule extends ListSection {
  path = "schedule";
  key = (_call, index) => String(index);
  columns = [
    { label: "At", show: ({ at }) => when(at) },
    { label: "Provider", show: ({ provider }) => provider },
    { label: "Symbols", show: ({ symbols }) => symbols.join(", ") },
    { label: "Kind", show: ({ kind }) => badge(kind) },
    { label: "Reason", show: ({ reason }) => named(reason), isLong: true },
  ];
}

/** <held-prices>: prices that are held back; accept or reject. */
class HeldPrices extends ListSection {
  path = "quarantine";
  key = ({ symbol }) => symbol;
  columns = [
    { label: "Symbol", show: ({ symbol }) => strong(symbol) },
    { label: "Held price", show: ({ held_price: price }) => quantity(price), isNumber: true },
    { label: "Last good price", show: ({ last_good_price: price }) => quantity(price), isNumber: true },
    { label: "Provider", show: ({ provider }) => provider },
    { label: "Because", show: ({ rule }) => RULES[rule] ?? rule, isLong: true },
    { label: "Since", show: ({ since }) => when(since) },
    {
      label: "",
      show: ({ symbol }) => [
        button("accept", "Accept", `Accept the price of ${symbol}`),
        button("reject", "Reject", `Reject the price of ${symbol}`),
      ],
    },
  ];

  act(decision, { symbol, held_price: price }) {
    const isAccepted = decision === "accept";
    const question = {
      title: isAccepted ? "Accept the price?" : "Reject the price?",
      text: isAccepted
        ? `Every page shows ${quantity(price)} for ${symbol} at once.`
        : `${quantity(price)} for ${symbol} is dropped, and not held again until it changes.`,
      action: isAccepted ? "Accept it" : "Reject it",
    };
    askReason(question, (reason) => post(`/admin/quarantine/${encodeURIComponent(symbol)}`, { decision, reason }));
  }
}

/** <open-streams>: who is connected; close. */
class OpenStreams extends ListSection {
  path = "connections";
  columns = [
    { label: "User", show: ({ user_email: email }) => strong(email) },
    { label: "From", show: ({ ip_address: address, user_agent: agent }) => [address, faint(agent)] },
    { label: "Since", show: ({ connected_at: since }) => when(since) },
    { label: "Last heartbeat", show: ({ last_heartbeat: at }) => when(at) },
    { label: "Portfolios", show: ({ portfolio_ids: ids }) => quantity(ids.length), isNumber: true },
    { label: "Symbols", show: ({ symbols }) => quantity(symbols.length), isNumber: true },
    { label: "Events", show: ({ events_sent: count }) => quantity(count), isNumber: true },
    { label: "Merged", show: ({ conflated_events: count }) => quantity(count), isNumber: true },
    { label: "", show: ({ user_email: email }) => button("close", "Close", `Close the stream of ${email}`) },
  ];

  act(_action, { id, user_email: email }) {
    const text = `The stream of ${email} ends; their page may connect again.`;
    const send = (reason) => remove(`/admin/connections/${id}?reason=${encodeURIComponent(reason)}`);
    askReason({ title: "Close the stream?", text, action: "Close it" }, send);
  }
}

/** <actor-list>: what runs in this server. */
class ActorList extends ListSection {
  path = "actors";
  key = ({ name, node }) => `${node} ${name}`;
  columns = [
    { label: "Actor", show: ({ name }) => strong(name) },
    { label: "State", show: ({ state }) => badge(state, state === "running" ? "good" : "bad") },
    { label: "Restarts", show: ({ restarts }) => quantity(restarts), isNumber: true },
    { label: "Waiting messages", show: ({ inbox }) => quantity(inbox), isNumber: true },
    { label: "Last error", show: ({ last_error: error }) => error ?? "none", isLong: true },
    { label: "Server", show: ({ node }) => node },
  ];
}

customElements.define("call-schedule", CallSchedule);
customElements.define("held-prices", HeldPrices);
customElements.define("open-streams", OpenStreams);
customElements.define("actor-list", ActorList);
