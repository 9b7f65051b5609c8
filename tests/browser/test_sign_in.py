"""Getting in: by the printed link, by password, as the first administrator; and out again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.chromium import Chromium
from tests.running import PASSWORD, RunningServer

pytestmark = pytest.mark.browser


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[RunningServer]:
    """A server without any account."""
    with RunningServer(tmp_path) as server:
        yield server


def sign_in(page: Page, server: RunningServer, email: str, password: str) -> None:
    page.goto(server.url + "/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_token_of_a_sign_in_link_leaves_the_address_bar(
    chromium: Chromium, demo: RunningServer, page: Page
) -> None:
    page.goto(demo.sign_in_link())

    expect(page.get_by_role("heading", name="Holdings")).to_be_visible()
    assert "token" not in page.url
    page.go_back()
    assert "token" not in page.url


def test_a_spent_sign_in_link_says_so_and_offers_the_form(chromium: Chromium, demo: RunningServer, page: Page) -> None:
    link = demo.sign_in_link()
    page.goto(link)
    expect(page.get_by_role("heading", name="Holdings")).to_be_visible()

    page.goto(link)

    expect(page.get_by_role("alert")).to_contain_text("used already")
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page).to_have_url(demo.url + "/sign-in")  # without the token


def test_who_is_not_signed_in_is_sent_to_sign_in(chromium: Chromium, bare: RunningServer, page: Page) -> None:
    page.goto(bare.url)

    expect(page).to_have_url(bare.url + "/sign-in")


def test_a_cookie_that_means_nothing_any_more_leads_to_signing_in(
    chromium: Chromium, bare: RunningServer, page: Page
) -> None:
    page.context.add_cookies([{"name": "session", "value": "gone", "url": bare.url}])

    page.goto(bare.url)

    expect(page).to_have_url(bare.url + "/sign-in")


def test_the_first_visitor_makes_the_first_administrator(chromium: Chromium, bare: RunningServer, page: Page) -> None:
    page.goto(bare.sign_in_link())
    expect(page.get_by_role("heading", name="Create the first administrator")).to_be_visible()
    expect(page).to_have_url(bare.url + "/sign-in")  # without the token
    page.get_by_label("E-mail").fill("first@example.org")
    page.get_by_label("Password").fill("short")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("password")

    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")

    expect(page.get_by_text("There is no portfolio yet")).to_be_visible()
    expect(page.get_by_text("first@example.org")).to_be_visible()


def test_a_wrong_password_is_refused_and_the_right_one_signs_in_until_signing_out(
    chromium: Chromium, bare: RunningServer, page: Page
) -> None:
    bare.make_user("ann@example.org")

    sign_in(page, bare, "ann@example.org", "not the password")
    expect(page.get_by_role("alert")).to_be_visible()
    sign_in(page, bare, "ann@example.org", PASSWORD)
    expect(page.get_by_text("ann@example.org")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()

    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    page.goto(bare.url)
    expect(page).to_have_url(bare.url + "/sign-in")
