import { valueOf } from "./form-body.js";
import { ListSection } from "./list-section.js";
import { details, faint, strong, when } from "./parts.js";
import { named, nameOf } from "./targets.js";

/** <audit-log>: who changed what, when and why. */
class AuditLog extends ListSection {
  path = "audit";
  columns = [
    { label: "What", show: ({ action }) => strong(action) },
    { label: "When", show: ({ at }) => when(at) },
    {
      label: "On",
      show: ({ target_type: type, target_id: id }) => [type.replaceAll("_", " "), faint(nameOf(id ?? ""))],
    },
    { label: "Reason", show: ({ reason, actor }) => [reason ?? "", faint(actor)], isLong: true },
    { label: "Change", show: ({ before, after }) => changeOf(before, after), isLong: true },
  ];

  /** Days are the viewer's; a target may be named. */
  filters() {
    const { actor, action, target_id: target, start, end } = this.querySelector("form.filters").elements;
    const asked = {
      actor: actor.value.trim(),
      action: action.value.trim(),
      target_id: target.value.trim(),
      start: start.value && valueOf(start),
      end: end.value && valueOf(end),
    };
    return Object.fromEntries(Object.entries(asked).filter(([, value]) => value));
  }
}

function changeOf(before, after) {
  const names = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = names.filter((name) => text(before?.[name]) !== text(after?.[name]));
  if (!changed.length) return "";
  const lines = changed.map(
    (name) => `${name.replaceAll("_", " ")}: ${text(before?.[name])} → ${text(after?.[name])}`,
  );
  return details(`${changed.length} ${changed.length === 1 ? "field" : "fields"}`, lines);
}

function text(value) {
  if (value == null) return "nothing";
  return named(typeof value === "string" ? value : JSON.stringify(value));
}

customElements.define("audit-log", AuditLog);
