import { clock } from "../clock.js";

const DAY = 86_400_000; // ms

const iso = (time) => new Date(time).toISOString().slice(0, 10);

/**
 * The first and the last day of a period, in UTC as the server counts days.
 * @param {"today" | "week" | "month" | "before"} period week: the last seven days. before: the month before this one
 */
export function daysOf(period) {
  const now = new Date(clock.now());
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const first = {
    today: now.getTime(),
    week: now.getTime() - 6 * DAY,
    month: Date.UTC(year, month, 1),
    before: Date.UTC(year, month - 1, 1),
  };
  const last = { before: Date.UTC(year, month, 0) };
  return { start_date: iso(first[period]), end_date: iso(last[period] ?? now.getTime()) };
}
