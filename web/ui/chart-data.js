/** What a chart is made of: which points are asked for, and where the line has gaps. */

const MINUTE = 60_000;
const DAY = 86_400_000;

/** The steps between points, from coarse to fine; raw values are a minute apart, or as far as their prices are. */
const STEPS = [["1d", DAY], ["1h", 60 * MINUTE], ["15m", 15 * MINUTE], ["raw", MINUTE]];

/** How far back a range goes, and the step that it is first asked for with. */
const RANGES = {
  "1D": { days: 1, step: "raw" },
  "1W": { days: 7, step: "15m" },
  "1M": { days: 31, step: "1h" },
  "1Y": { days: 366, step: "1d" },
  all: { days: 36_500, step: "1d" },
};

const FEW = 8; // points, below which finer ones are asked for
const MOST = 5_000;
const GAP = 2.5; // usual steps without a point make a gap
const USUAL = 0.9; // of the steps are no longer than the usual one
const WIDEST = 12; // empty places that a gap takes on the axis

/**
 * @typedef {object} Point
 * @property {number} at ms
 * @property {number?} value null: nothing was recorded
 */

/**
 * Read the points of a range; of a young portfolio finer ones than usual.
 * @param {keyof typeof RANGES} range
 * @param {(query: string) => Promise<{timestamp: string, value: string}[]>} read
 * @param {number} now ms
 * @returns {Promise<{points: Point[], step: number}>} step: what usually lies between two points, in ms
 */
export async function readPoints(range, read, now) {
  const { days, step: first } = RANGES[range];
  const start = new Date(now - days * DAY).toISOString();
  const from = STEPS.findIndex(([name]) => name === first);
  for (let index = from; ; index += 1) {
    const [interval, step] = STEPS[index];
    const rows = await read(String(new URLSearchParams({ start, interval, limit: String(MOST) })));
    if (rows.length >= FEW || index === STEPS.length - 1) {
      const points = rows.map((row) => ({ at: Date.parse(row.timestamp), value: Number(row.value) }));
      return { points, step: Math.max(step, usualStep(points)) };
    }
  }
}

/** @param {Point[]} points @returns {number} ms; 0 of fewer than two */
function usualStep(points) {
  const steps = points.slice(1).map(({ at }, index) => at - points[index].at);
  return steps.sort((a, b) => a - b)[Math.floor((steps.length - 1) * USUAL)] ?? 0;
}

/**
 * Put empty places where points are missing. Long gaps are shortened: nights would take half the width.
 * @param {Point[]} points oldest first
 * @param {number} step ms
 * @returns {Point[]}
 */
export function withGaps(points, step) {
  const result = [];
  for (const point of points) {
    const before = result.at(-1);
    if (before && point.at <= before.at) continue;
    if (before && point.at - before.at > GAP * step) {
      const places = Math.min(Math.floor((point.at - before.at) / step) - 1, WIDEST);
      for (let place = 1; place <= places; place += 1) {
        result.push({ at: before.at + ((point.at - before.at) * place) / (places + 1), value: null });
      }
    }
    result.push(point);
  }
  return result;
}

/** The chart's library knows UTC only: a time whose UTC reads as the viewer's local time. @param {number} at ms @returns {number} s */
export const localSeconds = (at) => Math.floor(at / 1000) - new Date(at).getTimezoneOffset() * 60;
