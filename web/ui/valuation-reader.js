/** How often at most, in ms, the whole valuation is read when an event does not tell all. */
const EVERY = { changed: 2_000, partial: 30_000 };
const TRIES = 3;

/** Reads the whole valuation when the stream does not tell all: what was removed, and what has no price. */
export class ValuationReader {
  #ledger;
  #get;
  #path = "";
  #readAt = 0;
  #isReading = false;
  #isAgain = false;
  #failed;

  /**
   * @param {import("./ledger.js").Ledger} ledger
   * @param {(path: string) => Promise<any>} get asks for a valuation
   * @param {(error?: Error) => void} failed called with why it could not be read, and with nothing when it could
   */
  constructor(ledger, get, failed) {
    this.#ledger = ledger;
    this.#get = get;
    this.#failed = failed;
    ledger.addEventListener("change", () => {
      if (this.#path && !ledger.isWhole && Date.now() - this.#readAt > EVERY.changed) this.read();
    });
  }

  /** Of a path whose values the ledger keeps from now on; empty: none. @param {string} path */
  set path(path) {
    this.#path = path;
  }

  /**
   * Look again now and then while something is missing.
   * @param {() => boolean} isWanted
   * @returns {() => void} ends it
   */
  watch(isWanted) {
    const watching = setInterval(() => {
      if (isWanted() && (this.#ledger.totals?.partial || !this.#ledger.isWhole)) this.read();
    }, EVERY.partial);
    return () => clearInterval(watching);
  }

  /** Read, unless the stream brings a newer value meanwhile. */
  async read() {
    if (this.#isReading) return void (this.#isAgain = true);
    this.#isReading = true;
    this.#readAt = Date.now();
    const path = this.#path;
    try {
      for (let tries = 1; tries <= TRIES && path; tries += 1) {
        const { version } = this.#ledger;
        const valuation = await this.#get(path);
        if (this.#path !== path) break;
        this.#failed();
        if (this.#ledger.version !== version && tries < TRIES) continue;
        this.#ledger.value(valuation);
        break;
      }
    } catch (error) {
      if (this.#path === path) this.#failed(/** @type {Error} */ (error));
    } finally {
      this.#isReading = false;
      if (this.#isAgain) {
        this.#isAgain = false;
        this.read();
      }
    }
  }
}
