/** Draws a line with lightweight-charts; the library comes when the first chart is shown. */

import { ApiError } from "./api.js";
import { localSeconds } from "./chart-data.js";

const LIBRARY = "./lightweight-charts.js";
const LOGO = /^<svg xmlns="http:[^<>"]*" [^<>]*>(?:<\/?(?:g|path|defs|clipPath|svg)\b[^<>]*>)*$/;
const HANDLER = /\son\w+=/i;
const CLEAR = { lineColor: "transparent", topColor: "transparent", bottomColor: "transparent" };

let failures = 0;

/** The library sets one piece of markup, its logo; nothing else in the page may set any. */
globalThis.trustedTypes?.createPolicy("default", {
  createHTML: (markup) => (LOGO.test(markup) && !HANDLER.test(markup) ? markup : null),
});

/** Browsers keep in mind that an address could not be loaded: the next try takes another. */
async function load() {
  try {
    await import(failures ? `${LIBRARY}?try=${failures}` : LIBRARY);
  } catch {
    failures += 1;
    throw new ApiError(0, { detail: "The chart cannot be loaded." });
  }
  return globalThis.LightweightCharts;
}

/** @param {string} name of a custom property of the page's style */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export class Drawing {
  #chart;
  #series;
  #last = 0;

  /** @param {HTMLElement} place */
  static async in(place) {
    return new Drawing(place, await load());
  }

  constructor(place, { createChart, AreaSeries }) {
    this.#chart = createChart(place, {
      autoSize: true,
      handleScroll: false,
      handleScale: false,
      rightPriceScale: { borderVisible: false, scaleMargins: { top: 0.12, bottom: 0.08 } },
      timeScale: { borderVisible: false, timeVisible: true, secondsVisible: false, fixLeftEdge: true, fixRightEdge: true },
      crosshair: { horzLine: { visible: false, labelVisible: false } },
    });
    this.#series = this.#chart.addSeries(AreaSeries, { lineWidth: 2, priceLineVisible: false });
    this.#chart.timeScale().subscribeSizeChange(() => this.#chart.timeScale().fitContent());
    this.dress();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.dress());
  }

  /** Take the colours of the page. */
  dress() {
    const [text, line, accent] = ["--faint", "--line", "--accent"].map(colour);
    this.#chart.applyOptions({
      layout: { background: { color: colour("--surface") }, textColor: text, fontFamily: "inherit", attributionLogo: true },
      grid: { vertLines: { visible: false }, horzLines: { color: line } },
    });
    this.#series.applyOptions({ lineColor: accent, topColor: `${accent}33`, bottomColor: `${accent}05` });
  }

  /**
   * @param {import("./chart-data.js").Point[]} points oldest first
   * @param {(value: number) => string} format
   */
  show(points, format) {
    this.#chart.applyOptions({ localization: { priceFormatter: format } });
    const data = [];
    for (const { at, value } of points) {
      const time = localSeconds(at);
      if (data.length && time <= data.at(-1).time) continue; // the hour that comes twice when summer time ends
      const before = data.at(-1);
      if (value === null && before?.value !== undefined) Object.assign(before, CLEAR); // the line leaves a point in its colour
      data.push(value === null ? { time } : { time, value });
    }
    this.#series.setData(data);
    this.#last = data.at(-1)?.time ?? 0;
    this.#chart.timeScale().fitContent();
  }

  /** Go on with the value of now. @param {number} at ms @param {number} value @param {number} step ms between points */
  append(at, value, step) {
    const now = localSeconds(at);
    const time = now - this.#last < step / 1000 ? this.#last : now;
    this.#series.update({ time, value });
    if (time === this.#last) return;
    this.#last = time;
    this.#chart.timeScale().fitContent();
  }
}
