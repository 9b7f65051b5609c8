"""An event stream without a server: what was opened stands in `sources`, and says what it is told to."""

from __future__ import annotations

FEIGNED = """
window.sources = [];
window.EventSource = class extends EventTarget {
  static CONNECTING = 0; static OPEN = 1; static CLOSED = 2;
  readyState = 0;
  constructor(url) { super(); this.url = url; window.sources.push(this); }
  close() { this.readyState = 2; }
  say(name, data, id = "") {
    const body = JSON.stringify({ type: name, data, timestamp: "2026-01-05T04:04:05Z", sequence: 1 });
    this.dispatchEvent(new MessageEvent(name, { data: body, lastEventId: id }));
  }
  break(readyState) { this.readyState = readyState; this.dispatchEvent(new Event("error")); }
};
"""
