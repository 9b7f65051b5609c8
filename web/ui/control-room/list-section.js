import { ApiError, list } from "../api.js";
import { setText } from "../dom.js";
import { quantity } from "../format.js";
import { faultsIn } from "./form-body.js";
import { RecordTable } from "./record-table.js";
import { RoomSection } from "./room-section.js";

const PAGE = 50; // rows

/** A section that is one list of the server's, filtered and page by page. */
export class ListSection extends RoomSection {
  #offset = 0;

  /** The list's path below /admin. */
  path = "";
  /** @type {import("./record-table.js").Column[]} */
  columns = [];
  key = ({ id }) => id;

  /** A button of a row was pressed. @param {string} _action @param {any} _record */
  act(_action, _record) {}

  prepare() {
    const act = (action, record) => this.act(action, record);
    this.table = new RecordTable(this.querySelector("table.list"), this.columns, this.key, act);
    this.querySelector("[data-action=newer]").addEventListener("click", () => this.#turn(-PAGE));
    this.querySelector("[data-action=older]").addEventListener("click", () => this.#turn(PAGE));
    this.querySelector("form.filters")?.addEventListener("change", () => this.#turn(-Infinity));
    this.querySelector("form.filters")?.addEventListener("submit", (event) => event.preventDefault());
  }

  async load(isLatest) {
    const form = this.querySelector("form.filters");
    const faults = form ? faultsIn(form) : [];
    const detail = faults.map(({ field, msg }) => ({ loc: ["query", field], msg }));
    if (detail.length) throw new ApiError(0, { detail });
    const query = new URLSearchParams({ ...this.filters(), limit: PAGE, offset: this.#offset });
    const { rows, total } = await list(`/admin/${this.path}?${query}`);
    if (!isLatest()) return true;
    if (!rows.length && this.#offset) {
      this.#turn(-PAGE); // the last page was emptied
      return true;
    }
    this.table.show(rows);
    this.shown(rows);
    this.querySelector("table.list").hidden = !rows.length;
    this.#page(rows.length, total);
    return rows.length > 0;
  }

  /** What is asked for: the filters that are set. @returns {Record<string, string>} */
  filters() {
    const form = this.querySelector("form.filters");
    return form ? Object.fromEntries([...new FormData(form)].filter(([, value]) => value)) : {};
  }

  /** Rows were shown. @param {any[]} _rows */
  shown(_rows) {}

  #turn(by) {
    this.#offset = Math.max(0, this.#offset + by);
    return this.read();
  }

  #page(count, total) {
    const pager = this.querySelector(".pager");
    pager.hidden = total <= PAGE;
    const [newer, older] = pager.querySelectorAll("button");
    newer.disabled = this.#offset === 0;
    older.disabled = this.#offset + count >= total;
    const range = `${quantity(this.#offset + 1)} to ${quantity(this.#offset + count)} of ${quantity(total)}`;
    setText(pager.querySelector("[data-field=range]"), range);
  }
}
