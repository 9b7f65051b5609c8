import { patch, post } from "../api.js";
import { setText } from "../dom.js";
import { bodyOf } from "./form-body.js";
import { ListSection } from "./list-section.js";
import { badge, button, strong, when } from "./parts.js";
import { askReason } from "./reason-dialog.js";
import { onSend } from "./room-form.js";
import { tellChange } from "./room-section.js";
import { loadTargets } from "./targets.js";

/** <user-list>: accounts; add one by a link that is good once, change its role, let it in or not. */
class UserList extends ListSection {
  path = "users";
  columns = [
    { label: "E-mail", show: ({ email }) => strong(email) },
    { label: "Role", show: ({ role }) => (role === "admin" ? badge("administrator", "warning") : "user") },
    { label: "State", show: ({ is_active: isActive }) => (isActive ? badge("active", "good") : badge("deactivated")) },
    { label: "Since", show: ({ created_at: at }) => when(at) },
    { label: "Last sign-in", show: ({ last_sign_in_at: at }) => when(at) },
    {
      label: "",
      show: ({ email, role, is_active: isActive }) => [
        role === "admin"
          ? button("role", "Make user", `Make user: ${email}`)
          : button("role", "Make administrator", `Make administrator: ${email}`),
        isActive
          ? button("active", "Deactivate", `Deactivate ${email}`)
          : button("active", "Activate", `Activate ${email}`),
      ],
    },
  ];

  prepare() {
    super.prepare();
    const form = this.querySelector("form.add");
    onSend(form, () => this.#add(form));
  }

  act(action, { id, email, role, is_active: isActive }) {
    const other = role === "admin" ? "user" : "admin";
    const [title, change] = action === "role"
      ? [`Make ${email} ${other === "user" ? "a plain user" : "an administrator"}?`, { role: other }]
      : [`${isActive ? "Deactivate" : "Activate"} ${email}?`, { is_active: !isActive }];
    const text = "Lost rights end their streams within seconds.";
    askReason({ title, text, action: "Change it" }, (reason) => patch(`/admin/users/${id}`, { ...change, reason }));
  }

  async #add(form) {
    const invitation = this.querySelector(".invitation");
    invitation.hidden = true; // it is of the one before
    invitation.querySelector("input").value = "";
    const { email, sign_in_url: url } = await post("/admin/users", bodyOf(form));
    form.reset();
    invitation.hidden = false;
    setText(invitation.querySelector("[role=status]"), `The link for ${email}. It is good once, and shown only now:`);
    invitation.querySelector("input").value = url;
    invitation.querySelector("input").select();
    tellChange();
    loadTargets().catch(() => {}); // the account is there all the same
  }
}

customElements.define("user-list", UserList);
