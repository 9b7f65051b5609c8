"""How heavy the page of a portfolio is, and how quick it stays with 500 holdings.

python -m tests.performance.pages [SECONDS]

The first view comes from a demo server to a browser without a cache. Then 500 holdings are told by a feigned
stream, ten updates a second with fifty changed prices each; frames are measured in the page. Times in ms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.browser.feigned import FEIGNED
from tests.running import RunningServer

FIRST_VIEW = """() => {
    const entries = [performance.getEntriesByType("navigation")[0], ...performance.getEntriesByType("resource")];
    const files = entries.filter(({ name }) => !name.includes("/api/"));
    const chart = files.filter(({ name }) => name.includes("lightweight"));
    const sum = (list) => list.reduce((total, { encodedBodySize }) => total + encodedBodySize, 0);
    return { files: files.length, kilobytes: (sum(files) - sum(chart)) / 1000, "chart kilobytes": sum(chart) / 1000 };
}"""

FLOOD = """async ([id, seconds]) => {
    const COUNT = 500, CHANGED = 50, EVERY = 100;
    const prices = Array.from({ length: COUNT }, (_, index) => 1000 + index);
    const holding = (index) => ({
        symbol: `S${String(index).padStart(3, "0")}.AX`, quantity: "10", price: String(prices[index]), currency: "AUD",
        market_value: String(prices[index] * 10), daily_change: "5", unrealized_gain_loss: "12.5", is_stale: false,
        source: "simulated", last_updated: new Date().toISOString(),
    });
    const update = (holdings) => ({
        portfolio_id: id, currency: "AUD", total_value: String(prices.reduce((sum, price) => sum + price * 10, 0)),
        total_cost_basis: "1000000", unrealized_gain_loss: "5", daily_change: "5", daily_change_percent: "1",
        last_updated: new Date().toISOString(), stale_price_count: 0, fresh_percent: 100,
        oldest_price_age_seconds: 1, partial: false, holdings,
    });
    const source = sources.at(-1);
    source.say("connection_status", { status: "connected", next_update_in: 60, paused: null, recovered: null });
    source.say("portfolio_update", update(prices.map((_, index) => holding(index))), "1-1");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    let at = 0;
    const timer = setInterval(() => {
        const changed = Array.from({ length: CHANGED }, (_, step) => (at + step * 7) % COUNT);
        at += 13;
        for (const index of changed) prices[index] += index % 2 ? 1 : -1;
        for (const index of changed) {
            const { symbol, price } = holding(index);
            source.say("price_update", { symbol, price, change_percent: "1", market_status: "OPEN", is_stale: false });
        }
        source.say("portfolio_update", update(changed.map(holding)));
    }, EVERY);
    const frames = [];
    let last = performance.now();
    const end = last + seconds * 1000;
    await new Promise((resolve) => requestAnimationFrame(function next(now) {
        frames.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(next);
        else resolve();
    }));
    clearInterval(timer);
    frames.sort((a, b) => a - b);
    const part = (share) => frames[Math.floor((frames.length - 1) * share)];
    return {
        rows: document.querySelectorAll("holdings-table tbody tr").length, frames: frames.length,
        p50: part(0.5), p95: part(0.95), p99: part(0.99), max: part(1),
    };
}"""


def first_view(page: Page, url: str) -> dict[str, Any]:
    page.goto(url, wait_until="commit")
    page.wait_for_function("document.querySelector('[data-field=total]')?.textContent.includes('$')")
    usable = page.evaluate("performance.now()")
    expect(page.locator("portfolio-chart canvas").first).to_be_visible()
    figures: dict[str, Any] = page.evaluate(FIRST_VIEW)
    return figures | {"usable after ms": usable}


def measure(chromium: Chromium, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder, RunningServer(Path(folder), "--demo") as server:

        def look() -> tuple[dict[str, Any], dict[str, Any]]:
            # The policy of the pages would not let the measuring wait for a function.
            context = chromium.browser.new_context(
                bypass_csp=True, locale="en-AU", viewport={"width": 1280, "height": 900}
            )
            page = context.new_page()
            page.goto(server.sign_in_link())
            page.wait_for_url("**/?portfolio=*")
            url = page.url
            page.close()
            cold = chromium.browser.new_context(bypass_csp=True, storage_state=context.storage_state(), locale="en-AU")
            figures = first_view(cold.new_page(), url)
            cold.close()
            flooded = context.new_page()
            flooded.add_init_script(FEIGNED)
            flooded.goto(url)
            flooded.wait_for_function("globalThis.sources?.length > 0")
            return figures, flooded.evaluate(FLOOD, [url.partition("portfolio=")[2], seconds])

        return chromium.run(look)


def main() -> None:
    chromium = Chromium()
    try:
        for figures in measure(chromium, float(sys.argv[1]) if sys.argv[1:] else 10):
            print("| " + " | ".join(figures) + " |")
            print("|" + "---:|" * len(figures))
            print("| " + " | ".join(f"{value:,.1f}" for value in figures.values()) + " |\n")
    finally:
        chromium.close()


if __name__ == "__main__":
    main()
