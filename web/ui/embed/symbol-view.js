import { View } from "./view.js";

/** @typedef {import("./rights.js").Right} Right */

/** What is known of one symbol; its name is the symbol. */
export class SymbolView extends View {
  isStreamed = true;
  #stop;
  /** @type {import("../stream-types.js").PriceUpdate?} */
  #update = null;
  #receivedAt = 0;

  /** @param {Right} right @param {string} symbol */
  constructor(right, symbol) {
    super(right, symbol);
    this.#stop = right.stream.subscribe(
      { symbols: [symbol] },
      {
        price: (update, receivedAt) => {
          this.#update = update;
          this.#receivedAt = receivedAt;
          this.tell();
        },
      },
    );
  }

  get isLive() {
    return this.right.stream.isLive(this.name);
  }

  get receivedAt() {
    return this.#receivedAt;
  }

  quote() {
    const update = this.#update;
    return update && { ...update, percent: update.change_percent, unpriced: null, details: undefined };
  }

  lacks() {
    return false;
  }

  close() {
    this.#stop();
  }
}
