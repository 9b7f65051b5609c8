"""Which files a page of any origin may load."""

from __future__ import annotations

import pytest
from tornado.web import Application

from market_actors.settings import Settings
from web.pages import EMBEDDED, UI, page_routes

FILES = sorted(path.relative_to(UI).as_posix() for path in UI.rglob("*") if path.suffix in (".js", ".css"))


@pytest.fixture
def app() -> Application:
    return Application(page_routes(Settings()))


@pytest.mark.parametrize("name", FILES)
async def test_the_elements_and_what_they_import_may_be_loaded_and_nothing_else(http_server_client, name):
    headers = (await http_server_client.fetch(f"/ui/{name}", headers={"Origin": "http://site.test"})).headers

    opened = headers.get("Access-Control-Allow-Origin"), headers.get("Cross-Origin-Resource-Policy")
    assert opened == (("*", "cross-origin") if name in EMBEDDED else (None, None))
    assert "Access-Control-Allow-Credentials" not in headers


def test_the_pages_own_modules_are_not_among_them():
    assert {"embed.js", "embed/view.js", "embed/rights.js", "market-stream.js", "clock.js"} <= EMBEDDED <= set(FILES)
    assert not {"api.js", "portfolio-page.js", "session.js", "sign-in.js"} & EMBEDDED
