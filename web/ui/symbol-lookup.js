import { get } from "./api.js";
import { make, setText } from "./dom.js";

const PAUSE = 250; // ms without typing before it is looked up
const SHORTEST = 2; // characters

/** <symbol-lookup>: offers symbols while a symbol or a name is typed. Tells "choose" with the instrument as detail. */
class SymbolLookup extends HTMLElement {
  #input;
  #list;
  #found = [];
  #active = -1;
  #timer = 0;
  #asked = 0;

  connectedCallback() {
    this.#input = this.querySelector("input");
    this.#list = this.querySelector("ul");
    this.#input.addEventListener("input", () => this.#wait());
    this.#input.addEventListener("keydown", (event) => this.#press(event));
    this.#input.addEventListener("blur", () => this.#close());
    this.#list.addEventListener("pointerdown", (event) => event.preventDefault()); // or the field would lose the focus
    this.#list.addEventListener("click", (event) => this.#choose([...this.#list.children].indexOf(event.target.closest("li"))));
  }

  #wait() {
    this.#close();
    const text = this.#input.value.trim();
    if (text.length >= SHORTEST) this.#timer = setTimeout(() => this.#look(text), PAUSE);
  }

  async #look(text) {
    const asked = (this.#asked += 1);
    try {
      const found = await get(`/market-data/symbols?query=${encodeURIComponent(text)}`);
      if (asked === this.#asked) this.#open(found);
    } catch {
      // It is a help: a symbol can be typed without it.
    }
  }

  #open(found) {
    this.#found = found;
    this.#list.replaceChildren(...found.map(option));
    this.#list.hidden = !found.length;
    this.#input.setAttribute("aria-expanded", String(found.length > 0));
    setText(this.querySelector("[data-field=found]"), found.length ? `${found.length} found` : "None found");
  }

  #close() {
    clearTimeout(this.#timer);
    this.#asked += 1;
    this.#list.hidden = true;
    this.#input.setAttribute("aria-expanded", "false");
    this.#mark(-1);
  }

  #press(event) {
    if (this.#list.hidden) return;
    const { key } = event;
    const last = this.#found.length - 1;
    if (key === "ArrowDown") this.#mark(this.#active < last ? this.#active + 1 : 0);
    else if (key === "ArrowUp") this.#mark(this.#active > 0 ? this.#active - 1 : last);
    else if (key === "Enter" && this.#active >= 0) this.#choose(this.#active);
    else if (key === "Escape") this.#close();
    else return;
    event.preventDefault();
  }

  #mark(index) {
    this.#active = index;
    [...this.#list.children].forEach((item, at) => item.setAttribute("aria-selected", String(at === index)));
    if (index < 0) return this.#input.removeAttribute("aria-activedescendant");
    this.#list.children[index].scrollIntoView({ block: "nearest" });
    this.#input.setAttribute("aria-activedescendant", this.#list.children[index].id);
  }

  #choose(index) {
    const detail = this.#found[index];
    if (!detail) return;
    this.#input.value = detail.symbol;
    this.#close();
    this.dispatchEvent(new CustomEvent("choose", { detail }));
  }
}

function option({ symbol, name, exchange, currency }, index) {
  const item = make("li", symbol);
  item.id = `symbol-${index}`;
  item.setAttribute("role", "option");
  item.setAttribute("aria-selected", "false");
  item.append(" ", make("span", [name, exchange, currency].filter(Boolean).join(" · ")));
  return item;
}

customElements.define("symbol-lookup", SymbolLookup);
