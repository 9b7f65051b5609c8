/** Names, and why a price is stale: asked for when a symbol appears or its freshness changes. */

import { get } from "./api.js";

const MOST = 100; // symbols in one question

/** @param {import("./ledger.js").Ledger} ledger */
export function keepDetails(ledger) {
  const asked = new Map();
  ledger.addEventListener("change", async () => {
    const wanted = ledger.rows.filter((row) => !row.unpriced && asked.get(row.symbol) !== row.is_stale).slice(0, MOST);
    if (!wanted.length) return;
    for (const row of wanted) asked.set(row.symbol, row.is_stale);
    const symbols = wanted.map((row) => encodeURIComponent(row.symbol)).join(",");
    try {
      for (const price of await get(`/market-data/prices?symbols=${symbols}`)) ledger.price(price);
    } catch {
      // They are an extra: the page shows everything else without them.
    }
  });
}
