import { patch, post } from "../api.js";
import { setProblem, setText } from "../dom.js";
import { clearFaults } from "./field-faults.js";
import { bodyOf } from "./form-body.js";
import { ListSection } from "./list-section.js";
import { explain, refuseEmpty } from "./order-form.js";
import { badge, button, strong, when } from "./parts.js";
import { askReason } from "./reason-dialog.js";
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
          ? button("role", "Make a user", `Make ${email} a plain user`)
          : button("role", "Make administrator", `Make ${email} an administrator`),
        isActive ? button("active", "Deactivate", `Deactivate ${email}`) : button("active", "Activate", `Activate ${email}`),
      ],
    },
  ];

  prepare() {
    super.prepare();
    const form = this.querySelector("form.add");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#add(form);
    });
  }

  act(action, { id, email, role, is_active: isActive }) {
    const [title, change] =
      action === "role"
        ? [`Make ${email} ${role === "admin" ? "a plain user" : "an administrator"}?`, { role: role === "admin" ? "user" : "admin" }]
        : [`${isActive ? "Deactivate" : "Activate"} ${email}?`, { is_active: !isActive }];
    const text = "Lost rights end their streams within seconds.";
    askReason({ title, text, action: "Change it" }, (reason) => patch(`/admin/users/${id}`, { ...change, reason }));
  }

  async #add(form) {
    if (form.ariaBusy) return;
    clearFaults(form);
    setProblem(form.querySelector(".problem.whole"), "");
    if (refuseEmpty(form)) return;
    form.ariaBusy = "true";
    try {
      const { email, sign_in_url: url } = await post("/admin/users", bodyOf(form));
      form.reset();
      this.querySelector(".invitation").hidden = false;
      setText(this.querySelector(".invitation [role=status]"), `The link for ${email}. It is good once, and shown only now:`);
      this.querySelector("#invitation-link").value = url;
      this.querySelector("#invitation-link").select();
      tellChange();
      await loadTargets().catch(() => {}); // the account is there all the same
    } catch (error) {
      explain(form, error);
    } finally {
      form.ariaBusy = null;
    }
  }
}

customElements.define("user-list", UserList);
