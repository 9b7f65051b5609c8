import { clock } from "../clock.js";
import { build, setChange, setText } from "../dom.js";
import { flash } from "../flash.js";
import { NOTHING, age, moment, percent, price } from "../format.js";
import { LINKED } from "../market-stream.js";
import { absence, reasonOf } from "../staleness.js";
import { LiveElement } from "./element.js";
import { PortfolioView } from "./portfolio-view.js";
import { Unset } from "./rights.js";
import { SymbolView } from "./symbol-view.js";

const SYMBOL = /^[A-Z0-9^][A-Z0-9.\-=^]{0,19}$/;

/** @param {string} field @param {string} names of its class */
const part = (field, names) => build("span", { class: names, part: field, "data-field": field });

/**
 * <live-price>: of one symbol; by a link, of one that its portfolio holds.
 * @extends {LiveElement<PortfolioView | SymbolView>}
 */
export class LivePrice extends LiveElement {
  #shown = "";

  constructor() {
    super(
      build(
        "span", { class: "box", "data-field": "box" },
        part("name", "symbol"), part("price", "value price"), part("change", "value"), part("note", "note"),
        build("span", { class: "as-of", part: "as-of", "data-field": "asOf" }),
      ),
      build("span", { class: "status", part: "status", "data-field": "status" }),
    );
  }

  get #symbol() {
    return (this.getAttribute("symbol") ?? "").trim().toUpperCase();
  }

  open() {
    this.#shown = "";
    if (!SYMBOL.test(this.#symbol)) throw new Unset(this.#symbol ? "This is not a symbol." : "There is no symbol here.");
    const { right } = this;
    return right.link ? right.view(PortfolioView, LINKED) : right.view(SymbolView, this.#symbol);
  }

  /** @param {PortfolioView | SymbolView} view */
  judge(view) {
    if (view.lacks(this.#symbol)) return { state: "refused", text: "The portfolio of this link does not hold it." };
    const quote = view.quote(this.#symbol);
    return quote?.is_stale ? { state: "stale", text: `Stale: ${reasonOf(quote)}` } : undefined;
  }

  /** @param {PortfolioView | SymbolView | null} view */
  fill(view) {
    const { name, price: field, change, note } = this.fields;
    const quote = view?.quote(this.#symbol);
    const { price: shown = "", last_updated: updated } = quote ?? {};
    setText(name, this.getAttribute("name") || this.#symbol);
    setText(field, shown ? price(shown, quote?.currency ?? "") : NOTHING);
    setChange(change, shown ? percent(quote?.percent) : "", quote?.percent);
    setText(note, quote?.source === "simulated" ? "simulated" : view?.isLive && !shown ? absence(quote?.unpriced) : "");
    field.title = updated ? `${moment(new Date(updated))}, ${age(clock.since(updated))} ago` : "";
    if (shown && this.#shown && shown !== this.#shown) flash(field, this.#shown, shown);
    this.#shown = shown;
  }
}
