"""What the pages are served with, before any script of theirs runs."""

from __future__ import annotations

import gzip
import hashlib
import json
import re

import pytest
from tornado.web import Application

from market_actors.settings import Settings
from web import pages
from web.pages import CHARTS_SHA256, UI, modules_of, page_routes


@pytest.fixture
def app() -> Application:
    return Application(page_routes(Settings(heartbeat_seconds=7)), xsrf_cookies=True, cookie_secret="of the test")


@pytest.mark.parametrize("path", ["/sign-in", "/control-room", "/?link=x", "/ui/style.css", "/favicon.svg"])
async def test_a_page_loads_nothing_from_elsewhere_and_tells_nobody_its_address(http_server_client, path):
    response = await http_server_client.fetch(path, headers={"Cookie": "session=x"})

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert response.headers["Referrer-Policy"] == "no-referrer"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"] == "no-cache"


async def test_a_page_sets_the_xsrf_cookie_and_knows_the_heartbeat(http_server_client):
    response = await http_server_client.fetch("/", headers={"Cookie": "session=x"})

    assert "_xsrf=" in response.headers["Set-Cookie"]
    assert 'data-heartbeat-seconds="7"' in response.body.decode()


@pytest.mark.parametrize("path", ["/", "/control-room"])
async def test_a_page_without_a_session_or_a_link_leads_to_signing_in(http_server_client, path):
    response = await http_server_client.fetch(path, follow_redirects=False, raise_error=False)

    assert response.code == 302
    assert response.headers["Location"] == "/sign-in"


async def test_an_unchanged_module_is_not_sent_again(http_server_client):
    first = await http_server_client.fetch("/ui/market-stream.js")
    tag = first.headers["Etag"]

    again = await http_server_client.fetch("/ui/market-stream.js", headers={"If-None-Match": tag}, raise_error=False)

    assert first.headers["Content-Type"].startswith("text/javascript")
    assert again.code == 304


async def test_what_a_page_loads_may_be_kept_until_it_changes(http_server_client):
    page = (await http_server_client.fetch("/sign-in")).body.decode()
    (address,) = re.findall(r'src="(/ui/[0-9a-f]{12}/sign-in\.js)"', page)
    versions = set(re.findall(r'(?:src|href)="/ui/(\w+)/', page))
    assert len(versions) == 1

    kept = await http_server_client.fetch(address)
    other = await http_server_client.fetch(address.replace(*versions, 12 * "0"))

    assert kept.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert kept.headers["X-Content-Type-Options"] == "nosniff"
    assert other.headers["Cache-Control"] == "no-cache"  # of a page that is older or newer than the server
    assert kept.body == other.body == (UI / "sign-in.js").read_bytes()


async def test_the_version_changes_with_any_file(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "UI", tmp_path)
    found = set()
    for name, text in (("a.js", "1"), ("a.js", "2"), ("b/c.css", "")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        found.add(pages.versioned.__wrapped__())

    assert len(found) == 3


@pytest.mark.parametrize("path", ["/ui/market-stream.js", "/ui/lightweight-charts.js", "/ui/style.css", "/sign-in"])
async def test_files_are_compressed_for_who_takes_that(http_server_client, path):
    plain = await http_server_client.fetch(path, decompress_response=False)
    packed = await http_server_client.fetch(path, decompress_response=False, headers={"Accept-Encoding": "gzip"})

    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in packed.headers["Vary"]
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) < len(plain.body) / 2
    assert packed.headers["Etag"] == plain.headers["Etag"]
    assert plain.headers["Etag"].startswith("W/")


async def test_a_part_of_a_file_is_of_the_file_itself(http_server_client):
    part = await http_server_client.fetch(
        "/ui/style.css", decompress_response=False, headers={"Range": "bytes=0-1499", "Accept-Encoding": "gzip"}
    )

    assert part.code == 206
    assert part.body == (UI / "style.css").read_bytes()[:1500]


@pytest.mark.parametrize(
    "path",
    ["/ui/nothing.js", "/ui/../pages.py", "/ui/%2e%2e/pages.py", "/ui/%00", "/ui/" + "x" * 300, "/ui/", "/?link=%ff"],
)
async def test_a_path_that_is_no_page_is_the_clients_mistake(http_server_client, path):
    response = await http_server_client.fetch(path, raise_error=False)

    assert 400 <= response.code < 500


def test_no_page_or_module_names_another_host_or_sets_markup_from_data():
    sources = {path.name: path.read_text() for path in UI.rglob("*") if path.suffix in (".html", ".js", ".css")}

    for name, source in sources.items():
        assert not re.search(r"https?://|innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source), name
        assert name.endswith(".js") or not re.search(r"<script>|<style>| style=| on\w+=", source), name


@pytest.mark.parametrize("path", ["/?x=%ff", "/sign-in?token=%ff", "/?link=%ff", "/control-room?x=%ff"])
async def test_a_query_that_is_not_utf8_is_malformed(http_server_client, path):
    response = await http_server_client.fetch(path, follow_redirects=False, raise_error=False)

    assert response.code == 400
    assert json.loads(response.body)["error"] == "malformed"


@pytest.mark.parametrize("page", ["portfolio.html", "portfolios.html", "sign-in.html", "control-room.html"])
def test_a_page_names_every_module_that_it_will_load(page):
    named = set(modules_of(page))

    assert named
    imported = {
        str((UI / name).parent.joinpath(path).resolve().relative_to(UI))
        for name in named
        for path in re.findall(r'(?:from|import) "(\.{1,2}/[^"]+)"', (UI / name).read_text())
    }
    assert imported <= named


async def test_the_chart_library_comes_from_its_package(http_server_client):
    response = await http_server_client.fetch("/ui/lightweight-charts.js")

    assert hashlib.sha256(response.body).hexdigest() == CHARTS_SHA256
    assert response.headers["Content-Type"].startswith("text/javascript")


async def test_the_list_and_one_portfolio_are_different_pages(http_server_client):
    session = {"Cookie": "session=x"}
    pages = [
        (await http_server_client.fetch(path, headers=session)).body.decode()
        for path in ("/", "/portfolios", "/?portfolio=x")
    ]

    assert "portfolios-page.js" in pages[0]
    assert pages[0].count("holdings-table") == 0
    assert "portfolios-page.js" in pages[1]
    assert "<holdings-table" in pages[2]
    assert "Australia/Sydney" in pages[2]
