/** What the tabs of a browser want to hear, and what of it fits into one stream. */

/** A stream carries no more than this. */
export const MOST = { portfolios: 5, symbols: 100 };

/**
 * @typedef {object} Want what one tab listens to
 * @property {string[]} portfolios ids
 * @property {string[]} symbols
 * @property {boolean} isVisible whether anybody can be looking at the tab
 * @property {number} since when it last became visible or changed its mind, in ms
 */

export class Wants {
  /** @type {Map<string, Want>} */
  #byTab = new Map();

  /** @param {string} tab @param {Want} want */
  set(tab, want) {
    this.#byTab.set(tab, want);
  }

  /** @param {string} tab */
  get(tab) {
    return this.#byTab.get(tab);
  }

  /** @param {string} tab */
  delete(tab) {
    this.#byTab.delete(tab);
  }

  /** A portfolio is known by another name from now on. @param {string} before @param {string} name */
  rename(before, name) {
    for (const want of this.#byTab.values()) want.portfolios = want.portfolios.map((id) => (id === before ? name : id));
  }

  get isWatched() {
    return [...this.#byTab.values()].some(({ isVisible }) => isVisible);
  }

  /**
   * What the stream shall carry: where that is not all, visible tabs go first, then the latest, and the others are
   * crowded out.
   * @param {Set<string>} gone portfolios that the server does not have for this viewer
   */
  chosen(gone) {
    const wants = [...this.#byTab.values()].sort(
      (a, b) => Number(b.isVisible) - Number(a.isVisible) || b.since - a.since,
    );
    /** @param {"portfolios" | "symbols"} kind */
    const pick = (kind) => {
      const names = [...new Set(wants.flatMap((want) => want[kind]).filter((name) => !gone.has(name)))];
      return [names.slice(0, MOST[kind]).sort(), names.slice(MOST[kind])];
    };
    const [[portfolios, noPortfolios], [symbols, noSymbols]] = [pick("portfolios"), pick("symbols")];
    return { portfolios, symbols, crowdedOut: [...noPortfolios, ...noSymbols] };
  }
}
