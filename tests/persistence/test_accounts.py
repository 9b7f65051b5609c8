"""Accounts, and who is asking."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from peewee import Database

from persistence import models, queries
from persistence.database import proxy
from persistence.errors import RowConflict, RowNotFound
from persistence.records import Credential, Portfolio, Token, User
from tests.persistence.samples import DAY, HOUR, NOW, SECOND


def token(user: User, scope: str = "read", digest: str = "d", expires_at: datetime | None = None) -> Token:
    return queries.create_token(user.id, "script", scope, digest, expires_at, NOW)


def session(user: User, digest: str = "s") -> UUID:
    return queries.create_session(user.id, digest, NOW + DAY, "127.0.0.1", "browser", NOW)


def test_an_account_is_found_by_its_address_in_any_case(user: User) -> None:
    assert queries.find_user(" ANN@Example.com") == user
    assert queries.find_user("bob@example.com") is None
    assert (user.role, user.is_active, user.created_at) == ("user", True, NOW)


def test_an_address_is_taken_in_any_case(user: User) -> None:
    with pytest.raises(RowConflict):
        queries.create_user("Ann@Example.COM", "admin", None, "console", None, NOW)

    assert queries.count_users() == 1
    assert queries.list_audit(10, 0).total == 1


def test_the_first_account_is_made_once(database: Database) -> None:
    queries.create_user("root@example.com", "admin", "hash", "setup", None, NOW, first=True)

    with pytest.raises(RowConflict):
        queries.create_user("other@example.com", "admin", "hash", "setup", None, NOW, first=True)


def test_a_new_account_is_audited_without_its_password(database: Database) -> None:
    made = queries.create_user("ann@example.com", "user", "secret-hash", "root@example.com", "joined", NOW)

    entry = queries.list_audit(1, 0).rows[0]

    assert (entry.actor, entry.action, entry.target_id) == ("root@example.com", "user.create", str(made.id))
    assert entry.after == {"email": "ann@example.com", "role": "user", "is_active": True}
    assert "secret-hash" not in repr(entry)


def test_accounts_are_listed_newest_first(database: Database) -> None:
    for age, name in enumerate("abc"):
        queries.create_user(f"{name}@example.com", "user", None, "console", None, NOW - age * DAY)

    page = queries.list_users(2, 1)

    assert [user.email for user in page.rows] == ["b@example.com", "c@example.com"]
    assert page.total == 3


def test_a_token_says_whose_it_is_until_it_is_revoked(user: User) -> None:
    made = token(user, "write")
    assert queries.authenticate("token", "d", NOW) == Credential(made.id, "token", user, "write", None)

    queries.revoke_token(user.id, made.id, NOW + SECOND)

    assert queries.authenticate("token", "d", NOW + SECOND) is None
    assert queries.list_tokens(user.id, 10, 0, NOW).rows == ()
    with pytest.raises(RowNotFound):
        queries.revoke_token(user.id, made.id, NOW + SECOND)


def test_a_token_is_good_until_the_moment_it_expires(user: User) -> None:
    token(user, expires_at=NOW + HOUR)

    assert queries.authenticate("token", "d", NOW + HOUR - SECOND)
    assert queries.authenticate("token", "d", NOW + HOUR) is None
    assert queries.list_tokens(user.id, 10, 0, NOW + HOUR).total == 0


def test_a_digest_opens_nothing_of_another_kind(user: User) -> None:
    token(user)

    assert queries.authenticate("session", "d", NOW) is None
    assert queries.authenticate("link", "d", NOW) is None


def test_only_the_owner_or_the_console_revokes_a_token(user: User, admin: User) -> None:
    made = token(user)
    with pytest.raises(RowNotFound):
        queries.revoke_token(admin.id, made.id, NOW)

    queries.revoke_token(None, made.id, NOW)

    assert queries.authenticate("token", "d", NOW) is None


def test_nobody_gets_a_token_for_an_account_that_does_not_exist(database: Database) -> None:
    with pytest.raises(RowNotFound):
        queries.create_token(uuid4(), "script", "read", "d", None, NOW)
    with pytest.raises(RowNotFound):
        queries.create_session(uuid4(), "s", NOW + DAY, "", "", NOW)


def test_a_scope_is_never_above_the_role_of_now(admin: User) -> None:
    token(admin, "admin")
    session(admin)
    for kind, digest in (("token", "d"), ("session", "s")):
        found = queries.authenticate(kind, digest, NOW)
        assert found and found.scope == "admin"
    models.User.update(role="user").where(models.User.id == admin.id).execute()

    for kind, digest in (("token", "d"), ("session", "s")):
        found = queries.authenticate(kind, digest, NOW)
        assert found and found.scope == "write"


def test_an_inactive_account_opens_nothing(user: User, portfolio: Portfolio) -> None:
    token(user)
    session(user)
    queries.create_link(user.id, portfolio.id, "l", NOW + DAY, NOW)
    models.User.update(is_active=False).execute()

    for kind, digest in (("token", "d"), ("session", "s"), ("link", "l")):
        assert queries.authenticate(kind, digest, NOW) is None


def test_a_session_begins_with_a_noted_sign_in_and_ends_once(user: User) -> None:
    made = session(user)
    found = queries.authenticate("session", "s", NOW)
    assert found and (found.id, found.scope, found.expires_at) == (made, "write", NOW + DAY)
    assert found.user.last_sign_in_at == NOW
    assert queries.authenticate("session", "s", NOW + DAY) is None

    queries.end_session("s", NOW)
    queries.end_session("s", NOW)
    queries.end_session("unknown", NOW)

    assert queries.authenticate("session", "s", NOW) is None
    assert queries.authenticate("session", "s", NOW + DAY) is None


def test_a_ticket_is_good_once_with_the_rights_of_its_maker(user: User) -> None:
    made = token(user, "read")
    queries.create_ticket("token", made.id, "t", NOW + HOUR, NOW)

    found = queries.redeem_ticket("t", NOW)

    assert found and (found.id, found.kind, found.scope) == (made.id, "token", "read")
    assert queries.redeem_ticket("t", NOW) is None


def test_of_many_who_come_with_one_ticket_at_once_a_single_one_gets_in(user: User) -> None:
    queries.create_ticket("token", token(user).id, "t", NOW + HOUR, NOW)
    together = threading.Barrier(4)

    def come() -> bool:
        together.wait(5)
        let_in = queries.redeem_ticket("t", NOW) is not None
        proxy.close()
        return let_in

    with ThreadPoolExecutor(4) as crowd:
        outcomes = [guest.result() for guest in [crowd.submit(come) for _ in range(4)]]

    assert sorted(outcomes) == [False, False, False, True]


def test_a_ticket_of_a_session_gives_the_session(user: User) -> None:
    queries.create_ticket("session", session(user), "t", NOW + HOUR, NOW)

    found = queries.redeem_ticket("t", NOW)

    assert found and found.kind == "session"


def test_a_ticket_is_worth_nothing_after_its_time_or_its_maker(user: User) -> None:
    made = token(user)
    queries.create_ticket("token", made.id, "late", NOW + SECOND, NOW)
    queries.create_ticket("token", made.id, "revoked", NOW + HOUR, NOW)
    assert queries.redeem_ticket("late", NOW + SECOND) is None

    queries.revoke_token(user.id, made.id, NOW)

    assert queries.redeem_ticket("revoked", NOW) is None


def test_a_ticket_needs_a_token_or_a_session(user: User) -> None:
    with pytest.raises(RowNotFound):
        queries.create_ticket("token", uuid4(), "t", NOW + HOUR, NOW)
    with pytest.raises(RowNotFound):
        queries.create_ticket("link", uuid4(), "t", NOW + HOUR, NOW)


def test_a_sign_in_link_is_looked_at_often_and_spent_once(user: User) -> None:
    made = queries.create_sign_in("user", user.id, "x", NOW + HOUR, NOW)
    assert queries.find_sign_in("x", NOW) == queries.find_sign_in("x", NOW) == made

    assert queries.redeem_sign_in("x", NOW) == made

    assert queries.redeem_sign_in("x", NOW) is None
    assert queries.find_sign_in("x", NOW) is None


def test_a_sign_in_link_expires(database: Database) -> None:
    queries.create_sign_in("setup", None, "x", NOW + HOUR, NOW)

    assert queries.find_sign_in("x", NOW + HOUR) is None
    assert queries.redeem_sign_in("x", NOW + HOUR) is None


def test_all_that_ended_since_a_moment_is_known(user: User, portfolio: Portfolio) -> None:
    early, late = token(user, digest="early"), token(user, digest="late")
    signed_in = session(user)
    link = queries.create_link(user.id, portfolio.id, "l", NOW + DAY, NOW)
    queries.revoke_token(None, early.id, NOW)
    queries.revoke_token(None, late.id, NOW + HOUR)
    queries.end_session("s", NOW + HOUR)
    queries.delete_link(user.id, portfolio.id, link.id, NOW + HOUR)
    models.User.update(rights_changed_at=NOW + HOUR).execute()

    revoked = queries.revoked_since(NOW + SECOND)

    assert revoked.credential_ids == {late.id, signed_in, link.id}
    assert revoked.user_ids == {user.id}
    assert queries.revoked_since(NOW + 2 * HOUR).credential_ids == frozenset()
