/** A moment in the viewer's time zone and, where that is another, in that of a symbol's exchange. */

import { moment } from "./format.js";

const zones = JSON.parse(document.body?.dataset.timezones ?? "{}");
const UNITED_STATES = "America/New_York"; // where symbols have no suffix

function zoneOf(symbol) {
  const [, suffix] = symbol.match(/\.([A-Z]+)$/) ?? [];
  if (suffix) return zones[suffix];
  return /^[A-Z]{1,5}$/.test(symbol) ? UNITED_STATES : undefined;
}

/** @param {Date} when @param {string} symbol */
export function moments(when, symbol) {
  const mine = moment(when);
  const zone = zoneOf(symbol);
  const theirs = zone ? moment(when, zone) : mine;
  return theirs === mine ? mine : `${mine}\n${theirs} at the exchange`;
}
