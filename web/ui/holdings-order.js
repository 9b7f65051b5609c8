/** In which order the holdings stand. */

/** What can be sorted by, and what comes first. */
export const COLUMNS = {
  symbol: { name: "Symbol", isDescending: false },
  quantity: { name: "Quantity", isDescending: true },
  price: { name: "Price", isDescending: true },
  value: { name: "Value", isDescending: true },
  day: { name: "Day change", isDescending: true },
  gain: { name: "Gain", isDescending: true },
  weight: { name: "Weight", isDescending: true },
  age: { name: "Updated", isDescending: true },
};

const KEYS = {
  quantity: (row) => row.quantity,
  price: (row) => row.price,
  value: (row) => row.market_value,
  day: (row) => row.daily_change,
  gain: (row) => row.unrealized_gain_loss,
  weight: (row) => row.market_value,
  age: (row) => row.last_updated && Date.parse(row.last_updated),
};

/**
 * Sort rows that are in the order of their symbols; what is unknown comes last either way.
 * @param {import("./ledger.js").Row[]} rows
 * @param {keyof typeof COLUMNS} column
 * @param {boolean} isDescending
 */
export function ordered(rows, column, isDescending) {
  if (column === "symbol") return isDescending ? [...rows].reverse() : rows;
  const keys = new Map(rows.map((row) => [row, KEYS[column](row) == null ? null : Number(KEYS[column](row))]));
  const sense = isDescending ? -1 : 1;
  return [...rows].sort((one, other) => {
    const [a, b] = [keys.get(one), keys.get(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return sense * (a - b);
  });
}
