"""Who is asking: tokens, sessions, one-time links, tickets, and how guessing is slowed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from market_actors.credentials import digest, new_secret
from market_actors.settings import Settings
from market_actors.stored import CreateSignIn, CreateToken, CreateUser
from tests.web.conftest import PASSWORD, cookies
from web.gateway import ask

AUTH = "/api/v1/auth"
LOGIN = f"{AUTH}/login"
ME = f"{AUTH}/me"
XSRF = "2|00000000|00000000000000000000000000000000|1700000000"


@pytest.fixture
def kept_in(database_url: str) -> str:
    return database_url


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Two proxies in front."""
    return settings.__class__(**{**vars(settings), "trusted_proxies": ("127.0.0.1", "10.0.0.0/8")})


def credentials(user, password=PASSWORD, **more):
    return {"email": user.user.email, "password": password, **more}


async def signed_in(user, anybody):
    """Sign in by cookie; return the headers of a page's requests."""
    answer = await anybody.post(LOGIN, credentials(user, session=True), Cookie=f"_xsrf={XSRF}", X_XSRFToken=XSRF)
    assert answer.status == 204
    return {"Cookie": f"_xsrf={XSRF}; session={cookies(answer)['session']}"}


async def test_a_password_buys_a_token_that_may_write(jo, anybody):
    answer = await anybody.post(LOGIN, credentials(jo))

    assert answer.status == 200
    assert set(answer.body) == {"access_token", "token_type", "expires_in"}
    assert (answer.body["token_type"], answer.headers["Cache-Control"]) == ("bearer", "no-store")
    mine = anybody.with_token(answer.body["access_token"])
    assert (await mine.get(ME)).body["email"] == "jo@example.com"
    assert (await mine.post("/api/v1/portfolios", {"name": "a", "base_currency": "AUD"})).status == 201
    assert (await mine.post(f"{AUTH}/tokens", {"name": "a", "scope": "admin"})).status == 403


async def test_a_sign_in_is_noted_whether_for_a_token_or_a_session(jo, sam, anybody):
    assert (await jo.get(ME)).body["last_sign_in_at"] is None

    assert (await anybody.post(LOGIN, credentials(jo))).status == 200
    await signed_in(sam, anybody)
    noted = [(await user.get(ME)).body["last_sign_in_at"] for user in (jo, sam)]

    assert all(noted)
    assert (await jo.post(f"{AUTH}/tokens", {"name": "script"})).status == 201
    assert (await jo.get(ME)).body["last_sign_in_at"] == noted[0]


async def test_the_user_is_told_without_the_password(jo):
    answer = await jo.get(ME)

    assert set(answer.body) == {"id", "email", "role", "is_active", "created_at", "last_sign_in_at"}


@pytest.mark.parametrize("header", ["", "Basic am86eA==", "Bearer", "Bearer x", "bearer \u00e4"])
async def test_a_bad_credential_is_401_and_says_what_is_wanted(anybody, header):
    answer = await anybody.get(ME, Authorization=header)

    assert (answer.status, answer.error) == (401, "unauthorized")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_no_credential_is_401_also_for_what_does_not_exist(anybody):
    for path in (ME, f"/api/v1/portfolios/{uuid4()}", "/api/v1/portfolios/x", "/api/v1/market-data/status"):
        assert (await anybody.get(path)).status == 401


async def test_a_token_in_a_url_is_refused(jo, anybody):
    for name in ("token", "access_token", "ticket", "link"):
        assert (await anybody.get(f"{ME}?{name}={jo.token}")).status in (401, 422)


async def test_a_token_reads_until_it_is_revoked_or_expires(jo, market):
    secret, now = new_secret(), datetime.now(UTC)
    await ask(market.store, CreateToken(jo.user.id, "old", "read", digest(secret), now - timedelta(seconds=1), now))
    assert (await jo.with_token(secret).get(ME)).status == 401

    made = await jo.post(f"{AUTH}/tokens", {"name": "report", "expires_in_days": 1})
    assert made.status == 201
    assert set(made.body) == {"id", "name", "token", "scope", "created_at", "expires_at"}
    reader = jo.with_token(made.body["token"])
    assert (await reader.get(ME)).status == 200
    assert (await reader.post("/api/v1/portfolios", {"name": "a", "base_currency": "AUD"})).status == 403
    assert (await reader.post(f"{AUTH}/stream-ticket")).status == 201
    assert (await reader.post(f"{AUTH}/tokens", {"name": "more"})).status == 403
    listed = await jo.get(f"{AUTH}/tokens")
    assert [row["name"] for row in listed.body] == ["report", "test"]
    assert not any("token" in row for row in listed.body)

    assert (await jo("DELETE", f"{AUTH}/tokens/{made.body['id']}")).status == 204
    assert (await reader.get(ME)).status == 401
    assert (await jo("DELETE", f"{AUTH}/tokens/{made.body['id']}")).status == 404


async def test_a_token_of_another_user_cannot_be_revoked(jo, sam):
    token_id = (await jo.get(f"{AUTH}/tokens")).body[0]["id"]

    assert (await sam("DELETE", f"{AUTH}/tokens/{token_id}")).status == 404
    assert (await jo.get(ME)).status == 200


async def test_an_administrators_sign_in_may_administer(make_user, anybody):
    boss = await make_user("boss@example.com", role="admin")

    answer = await anybody.post(LOGIN, credentials(boss))

    mine = anybody.with_token(answer.body["access_token"])
    assert (await mine.post(f"{AUTH}/tokens", {"name": "a", "scope": "admin"})).status == 201


async def test_a_session_is_signed_hidden_from_scripts_and_needs_the_xsrf_header_to_change(jo, anybody):
    no_header = await anybody.post(LOGIN, credentials(jo, session=True), Cookie=f"_xsrf={XSRF}")
    assert (no_header.status, no_header.error) == (403, "xsrf")

    answer = await anybody.post(LOGIN, credentials(jo, session=True), Cookie=f"_xsrf={XSRF}", X_XSRFToken=XSRF)
    (line,) = answer.headers.get_list("Set-Cookie")
    assert "HttpOnly" in line
    assert "SameSite=Lax" in line

    page = {"Cookie": f"_xsrf={XSRF}; session={cookies(answer)['session']}"}
    new = {"name": "a", "base_currency": "AUD"}
    assert (await anybody.get(ME, **page)).status == 200
    assert (await anybody.post("/api/v1/portfolios", new, **page)).error == "xsrf"
    assert (await anybody.post("/api/v1/portfolios", new, **page, X_XSRFToken="2|0|0|0")).error == "xsrf"
    assert (await anybody.post("/api/v1/portfolios", new, **page, X_XSRFToken=XSRF)).status == 201

    tampered = page["Cookie"].replace("session=", "session=x")
    assert (await anybody.get(ME, Cookie=tampered)).status == 401


async def test_signing_out_ends_the_session_and_the_token(jo, anybody):
    page = await signed_in(jo, anybody)

    assert (await anybody.post(f"{AUTH}/logout", **page)).status == 403
    assert (await anybody.post(f"{AUTH}/logout", **page, X_XSRFToken=XSRF)).status == 204
    assert (await anybody.get(ME, **page)).status == 401

    assert (await jo.post(f"{AUTH}/logout")).status == 204
    assert (await jo.get(ME)).status == 401


async def test_a_ticket_is_for_a_stream_only(jo, anybody):
    made = await jo.post(f"{AUTH}/stream-ticket")

    assert made.status == 201
    assert made.body["expires_in"] == 60
    answer = await anybody.get(f"{ME}?ticket={made.body['ticket']}")
    assert (answer.status, answer.faults) == (422, [(["query", "ticket"], "unknown_field")])


async def test_a_wrong_password_and_an_unknown_address_look_the_same(jo, anybody):
    wrong = await anybody.post(LOGIN, credentials(jo, "not the password"))
    unknown = await anybody.post(LOGIN, {"email": "nobody@example.com", "password": PASSWORD})

    assert (wrong.status, wrong.error) == (401, "wrong_password")
    assert wrong.body == unknown.body


async def test_guessing_is_slowed_for_that_address_only_and_for_the_right_password_too(jo, anybody):
    liar = {"X_Forwarded_For": "198.51.100.7, 203.0.113.5, 10.1.2.3"}
    for _ in range(5):
        assert (await anybody.post(LOGIN, credentials(jo, "not the password"), **liar)).status == 401

    refused = await anybody.post(LOGIN, credentials(jo), X_Forwarded_For="192.0.2.1, 203.0.113.5")
    assert (refused.status, refused.headers["Retry-After"]) == (429, "1")
    assert (await anybody.post(LOGIN, credentials(jo), X_Forwarded_For="203.0.113.6")).status == 200


async def link(market, purpose, user=None):
    secret, now = new_secret(), datetime.now(UTC)
    expires_at = now + timedelta(minutes=30)
    await ask(market.store, CreateSignIn(purpose, user.user.id if user else None, digest(secret), expires_at, now))
    return secret


async def test_a_sign_in_link_is_good_once(jo, anybody, market):
    token = await link(market, "user", jo)
    page = {"Cookie": f"_xsrf={XSRF}"}

    assert (await anybody.get(f"{AUTH}/sign-in?token={token}")).body == {"purpose": "user"}
    assert (await anybody.post(f"{AUTH}/sign-in", {"token": token}, **page)).error == "xsrf"
    answer = await anybody.post(f"{AUTH}/sign-in", {"token": token}, **page, X_XSRFToken=XSRF)
    assert answer.status == 204
    assert (await anybody.get(ME, Cookie=f"session={cookies(answer)['session']}")).body["email"] == "jo@example.com"

    assert (await anybody.post(f"{AUTH}/sign-in", {"token": token}, **page, X_XSRFToken=XSRF)).status == 404
    assert (await anybody.get(f"{AUTH}/sign-in?token={token}")).status == 404


async def test_a_setup_link_makes_the_first_administrator_and_is_not_spent_by_a_slip(anybody, market):
    token = await link(market, "setup")
    page = {"Cookie": f"_xsrf={XSRF}", "X_XSRFToken": XSRF}
    new = {"token": token, "email": "first@example.com", "password": PASSWORD}

    assert (await anybody.get(f"{AUTH}/sign-in?token={token}")).body == {"purpose": "setup"}
    assert (await anybody.post(f"{AUTH}/sign-in", {"token": token}, **page)).status == 404
    slips = await anybody.post(f"{AUTH}/setup", {**new, "email": "first", "password": "short"}, **page)
    assert sorted(loc[-1] for loc, _ in slips.faults) == ["email", "password"]

    answer = await anybody.post(f"{AUTH}/setup", new, **page)

    assert answer.status == 204
    me = await anybody.get(ME, Cookie=f"session={cookies(answer)['session']}")
    assert (me.body["email"], me.body["role"]) == ("first@example.com", "admin")
    assert (await anybody.post(f"{AUTH}/setup", new, **page)).status == 404


async def test_a_setup_link_is_good_for_nothing_when_there_is_an_account(anybody, market):
    token = await link(market, "setup")
    await ask(market.store, CreateUser("early@example.com", "admin", None, "test", None, datetime.now(UTC)))
    page = {"Cookie": f"_xsrf={XSRF}", "X_XSRFToken": XSRF}

    answer = await anybody.post(
        f"{AUTH}/setup", {"token": token, "email": "late@example.com", "password": PASSWORD}, **page
    )

    assert (answer.status, answer.error) == (409, "conflict")


async def test_a_right_password_wipes_the_slate(jo, anybody):
    for _ in range(3):
        for _ in range(4):
            assert (await anybody.post(LOGIN, credentials(jo, "not the password"))).status == 401
        assert (await anybody.post(LOGIN, credentials(jo))).status == 200


async def test_a_sign_in_link_makes_no_administrator(jo, anybody, market):
    token = await link(market, "user", jo)
    page = {"Cookie": f"_xsrf={XSRF}", "X_XSRFToken": XSRF}

    answer = await anybody.post(
        f"{AUTH}/setup", {"token": token, "email": "a@example.com", "password": PASSWORD}, **page
    )

    assert answer.status == 404
    assert (await anybody.get(f"{AUTH}/sign-in?token={token}")).body == {"purpose": "user"}


async def test_an_https_proxy_in_front_makes_cookies_secure_and_links_https(jo, anybody):
    through = {"X_Forwarded_Proto": "https", "Host": "market.example"}
    answer = await anybody.post(
        LOGIN, credentials(jo, session=True), Cookie=f"_xsrf={XSRF}", X_XSRFToken=XSRF, **through
    )
    assert "Secure" in answer.headers["Set-Cookie"]

    made = await jo.post("/api/v1/portfolios", {"name": "a", "base_currency": "AUD"})
    link_made = await jo.post(f"{made.headers['Location']}/links", {"expires_in_days": 90}, **through)
    assert link_made.body["url"].startswith("https://market.example/?link=")


async def test_setting_up_is_asked_for_by_post_alone(anybody):
    answer = await anybody.get("/api/v1/auth/setup?token=x")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")
