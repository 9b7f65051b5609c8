/**
 * How the elements look. A page changes it by the properties that begin with --market-, by ::part() and by data-state;
 * light or dark follows its color-scheme.
 */

export const sheet = new CSSStyleSheet();

sheet.replaceSync(`
  :host {
    --faint: var(--market-faint, light-dark(#5a6472, #9aa5b4));
    --line: var(--market-line, light-dark(#dfe3e8, #2b3441));
    --up: var(--market-up, light-dark(#0b6b3c, #5bd692));
    --down: var(--market-down, light-dark(#b3261e, #ff8f87));
    --up-flash: var(--market-up-flash, light-dark(#bbf0cf, #14532d));
    --down-flash: var(--market-down-flash, light-dark(#ffd3cf, #6b1f1a));
    --warning: var(--market-warning, light-dark(#7a4b00, #f7cf7d));
    --good: var(--market-good, light-dark(#16a34a, #4ade80));
    --waiting: var(--market-waiting, light-dark(#d97706, #fbbf24));
    --bad: var(--market-bad, light-dark(#dc2626, #f87171));
    color: var(--market-text, light-dark(#14181f, #e8ecf2));
    background: var(--market-ground, light-dark(#ffffff, #181e27));
    font-family: var(--market-font, inherit);
  }

  :host([hidden]), [hidden] { display: none !important; }
  :host(live-portfolio) {
    display: block;
    padding: 1.25em;
    border: 1px solid var(--line);
    border-radius: var(--market-radius, 0.75em);
    overflow-wrap: anywhere;
  }
  :host(:is(live-price, connection-status)), span.box {
    display: inline-flex;
    flex-wrap: wrap;
    align-items: baseline;
    gap: 0 0.5em;
  }
  :host(:is(live-price, connection-status)) {
    padding: 0 0.35em;
    border-radius: calc(var(--market-radius, 0.75em) / 3);
    overflow-wrap: anywhere;
  }

  .status { font-size: 0.875em; color: var(--faint); }
  .status::before {
    content: "";
    display: inline-block;
    width: 0.7em;
    height: 0.7em;
    margin-right: 0.4em;
    border-radius: 50%;
    background: var(--waiting);
  }
  :host([data-state="live"]) .status::before { background: var(--good); }
  :host(:is([data-state="offline"], [data-state="refused"], [data-state="ended"], [data-state="unset"]))
    .status::before { border-radius: 0.1em; background: var(--bad); }
  :host([data-state="paused"]) .status::before { border-radius: 0.1em; }
  :host(live-price[data-state="live"]) .status {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
    white-space: nowrap;
  }

  header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0.25em 1em; }
  h2 { margin: 0; font-size: 1.05em; line-height: 1.25; }
  p { margin: 0.75em 0 0; }
  dl { display: flex; flex-wrap: wrap; align-items: end; gap: 0.75em 2.5em; margin: 0.75em 0 0; }
  dt { font-size: 0.875em; color: var(--faint); }
  dd { margin: 0; font-size: 1.125em; font-weight: 600; }
  .total { font-size: 2em; font-weight: 680; line-height: 1.15; }
  .value { border-radius: 0.25em; font-variant-numeric: tabular-nums; }
  .symbol, .price { font-weight: 650; }
  [data-direction="up"] { color: var(--up); }
  [data-direction="down"] { color: var(--down); }
  .not-live .value, .stale .value, :host(live-price[data-state="stale"]) .value { color: var(--faint); font-style: italic; }
  .note, .as-of { font-size: 0.875rem; color: var(--warning); }
  .note:empty, .as-of:empty { display: none; }

  .holdings { container-type: inline-size; }
  table { width: 100%; margin-top: 0.75em; border-collapse: collapse; }
  caption { text-align: left; font-size: 0.875em; color: var(--faint); }
  th, td { padding: 0.5em 0.6em; border-top: 1px solid var(--line); vertical-align: top; }
  th, td { text-align: right; white-space: nowrap; }
  :is(th, td):first-child { padding-left: 0; text-align: left; }
  :is(th, td):last-child { padding-right: 0; }
  thead th { border-top: 0; font-size: 0.8125em; font-weight: 500; color: var(--faint); }
  td span, tbody th span { display: block; width: fit-content; }
  td span { margin-left: auto; }
  .small { font-size: 0.8125em; font-weight: 400; }
  .faint { color: var(--faint); }

  /* Two lines a holding; the roles in the markup keep it a table for screen readers. */
  @container (max-width: 28em) {
    table, caption, tbody { display: block; }
    thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
    tbody tr { display: grid; grid-template-columns: 1fr auto; padding: 0.5em 0; border-top: 1px solid var(--line); }
    tbody :is(th, td) { padding: 0; border: 0; }
    td:nth-child(3) { grid-area: 1 / 2; }
    td:nth-child(2) span { margin-left: 0; }
    td:nth-child(2) { text-align: left; white-space: normal; }
  }
`);
