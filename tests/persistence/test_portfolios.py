"""Portfolios, what they hold, and the links to them: always of one user only."""

from __future__ import annotations

import threading
from collections.abc import Callable
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from peewee import Database

from persistence import models, queries
from persistence.database import proxy
from persistence.errors import RowNotFound
from persistence.records import HoldingRow, HoldingWritten, Imported, Portfolio, User, ValuationPoint
from tests.persistence.samples import DAY, HOUR, NOW, SECOND

LATER = NOW + SECOND


def put(portfolio: Portfolio, symbol: str = "CBA.AX", quantity: str = "10", cost: str = "99.50") -> HoldingWritten:
    return queries.put_holding(portfolio.user_id, portfolio.id, symbol, Decimal(quantity), Decimal(cost), "AUD", LATER)


def bring(portfolio: Portfolio, *symbols: str, replace: bool = False, dry_run: bool = False) -> Imported:
    rows = tuple(HoldingRow(symbol, Decimal(5), Decimal(7), "USD") for symbol in symbols)
    return queries.import_holdings(portfolio.user_id, portfolio.id, rows, replace, dry_run, LATER)


def symbols(portfolio: Portfolio) -> list[str]:
    return [held.symbol for held in queries.list_holdings(portfolio.user_id, portfolio.id, None, 0).rows]


def test_a_new_portfolio_is_empty(portfolio: Portfolio, user: User) -> None:
    assert queries.get_portfolio(user.id, portfolio.id) == portfolio
    assert (portfolio.name, portfolio.base_currency, portfolio.version) == ("Savings", "AUD", 1)
    assert (portfolio.created_at, portfolio.updated_at, portfolio.holding_count) == (NOW, NOW, 0)


def test_nobody_gets_a_portfolio_without_an_account(database: Database) -> None:
    with pytest.raises(RowNotFound):
        queries.create_portfolio(uuid4(), "Savings", "AUD", NOW)


def test_portfolios_are_listed_from_either_end_a_page_at_a_time(user: User, admin: User) -> None:
    made = [queries.create_portfolio(user.id, str(day), "AUD", NOW + day * DAY) for day in range(3)]
    queries.create_portfolio(admin.id, "not his", "AUD", NOW)
    put(made[0])

    newest = queries.list_portfolios(user.id, 2, 0)
    oldest = queries.list_portfolios(user.id, 2, 0, oldest_first=True)

    assert [row.name for row in newest.rows] == ["2", "1"]
    assert [(row.name, row.holding_count) for row in oldest.rows] == [("0", 1), ("1", 0)]
    assert [row.name for row in queries.list_portfolios(user.id, 2, 2).rows] == ["0"]
    assert newest.total == 3


def test_only_a_change_of_currency_is_a_new_version(user: User, portfolio: Portfolio) -> None:
    renamed = queries.update_portfolio(user.id, portfolio.id, "Pension", None, LATER)
    assert (renamed.name, renamed.base_currency, renamed.version, renamed.updated_at) == ("Pension", "AUD", 1, LATER)

    moved = queries.update_portfolio(user.id, portfolio.id, None, "USD", LATER)
    assert (moved.name, moved.base_currency, moved.version) == ("Pension", "USD", 2)


def test_a_deleted_portfolio_takes_everything_of_it_along(user: User, portfolio: Portfolio) -> None:
    put(portfolio)
    queries.create_link(user.id, portfolio.id, "l", NOW + DAY, NOW)
    queries.record_valuations([ValuationPoint(portfolio.id, NOW, Decimal(1), Decimal(1), None, "AUD")])

    queries.delete_portfolio(user.id, portfolio.id, LATER)

    for model in (models.Portfolio, models.Holding, models.PortfolioLink, models.PortfolioValuation):
        assert model.select().count() == 0
    assert queries.authenticate("link", "l", NOW) is None


def test_a_holding_is_new_once_and_changed_after(portfolio: Portfolio) -> None:
    first, second = put(portfolio, quantity="10"), put(portfolio, quantity="12.500")

    assert (first.created, second.created) == (True, False)
    assert (str(second.holding.quantity), str(second.holding.average_cost)) == ("12.500", "99.50")
    assert second.positions.holdings == (second.holding,)
    assert (first.positions.version, second.positions.version) == (2, 3)
    assert queries.get_portfolio(portfolio.user_id, portfolio.id).updated_at == LATER


def test_a_deleted_holding_is_gone_and_the_version_rises(portfolio: Portfolio) -> None:
    put(portfolio)

    queries.delete_holding(portfolio.user_id, portfolio.id, "CBA.AX", LATER)

    assert symbols(portfolio) == []
    assert queries.get_portfolio(portfolio.user_id, portfolio.id).version == 3


def test_deleting_what_is_not_held_changes_nothing(portfolio: Portfolio) -> None:
    with pytest.raises(RowNotFound):
        queries.delete_holding(portfolio.user_id, portfolio.id, "CBA.AX", LATER)

    assert queries.get_portfolio(portfolio.user_id, portfolio.id) == portfolio


def test_holdings_are_listed_by_symbol_a_page_at_a_time(portfolio: Portfolio) -> None:
    bring(portfolio, "C", "A", "B")

    page = queries.list_holdings(portfolio.user_id, portfolio.id, 1, 1)

    assert ([held.symbol for held in page.rows], page.total) == (["B"], 3)
    assert symbols(portfolio) == ["A", "B", "C"]


def test_an_import_merges(portfolio: Portfolio) -> None:
    put(portfolio, "A")
    put(portfolio, "B")

    done = bring(portfolio, "B", "C")

    assert (done.imported, done.created, done.updated) == (2, 1, 1)
    assert symbols(portfolio) == ["A", "B", "C"]
    assert [str(held.quantity) for held in done.positions.holdings] == ["10", "5", "5"]


def test_an_import_that_replaces_removes_the_rest(portfolio: Portfolio) -> None:
    put(portfolio, "A")

    done = bring(portfolio, "B", replace=True)

    assert (done.created, done.updated) == (1, 0)
    assert symbols(portfolio) == ["B"]


def test_a_dry_run_counts_and_keeps_nothing(portfolio: Portfolio) -> None:
    put(portfolio, "A")
    before = queries.get_portfolio(portfolio.user_id, portfolio.id)

    done = bring(portfolio, "A", "B", replace=True, dry_run=True)

    assert (done.imported, done.created, done.updated) == (2, 1, 1)
    assert symbols(portfolio) == ["A"]
    assert queries.get_portfolio(portfolio.user_id, portfolio.id) == before


def test_an_import_with_one_impossible_row_writes_none(portfolio: Portfolio) -> None:
    rows = [HoldingRow("A", Decimal(1), Decimal(1), "AUD"), HoldingRow("B", Decimal("NaN"), Decimal(1), "AUD")]
    with pytest.raises(ValueError, match="finite"):
        queries.import_holdings(portfolio.user_id, portfolio.id, rows, True, False, LATER)

    assert queries.get_portfolio(portfolio.user_id, portfolio.id) == portfolio


def test_a_link_opens_its_portfolio_for_reading_by_the_right_of_its_owner(user: User, portfolio: Portfolio) -> None:
    link = queries.create_link(user.id, portfolio.id, "l", NOW + HOUR, NOW)

    found = queries.authenticate("link", "l", NOW)

    assert found and (found.id, found.kind, found.scope, found.user) == (link.id, "link", "read", user)
    assert (found.portfolio_id, found.expires_at) == (portfolio.id, NOW + HOUR)
    assert queries.authenticate("link", "l", NOW + HOUR) is None


def test_a_link_is_listed_until_it_ends(user: User, portfolio: Portfolio) -> None:
    old = queries.create_link(user.id, portfolio.id, "a", NOW + HOUR, NOW)
    new = queries.create_link(user.id, portfolio.id, "b", NOW + DAY, LATER)
    assert queries.list_links(user.id, portfolio.id, 10, 0, LATER).rows == (new, old)
    assert queries.list_links(user.id, portfolio.id, 10, 0, NOW + HOUR).rows == (new,)

    queries.delete_link(user.id, portfolio.id, new.id, LATER)

    assert queries.list_links(user.id, portfolio.id, 10, 0, LATER).rows == (old,)
    assert queries.authenticate("link", "b", LATER) is None
    with pytest.raises(RowNotFound):
        queries.delete_link(user.id, portfolio.id, new.id, LATER)


USES: dict[str, Callable[[UUID, UUID], object]] = {
    "get_portfolio": queries.get_portfolio,
    "update_portfolio": lambda user, key: queries.update_portfolio(user, key, "mine", "USD", LATER),
    "delete_portfolio": lambda user, key: queries.delete_portfolio(user, key, LATER),
    "list_holdings": lambda user, key: queries.list_holdings(user, key, None, 0),
    "put_holding": lambda user, key: queries.put_holding(user, key, "X", Decimal(1), Decimal(1), "AUD", LATER),
    "delete_holding": lambda user, key: queries.delete_holding(user, key, "CBA.AX", LATER),
    "import": lambda user, key: queries.import_holdings(user, key, (), True, False, LATER),
    "dry run": lambda user, key: queries.import_holdings(user, key, (), True, True, LATER),
    "create_link": lambda user, key: queries.create_link(user, key, "l", NOW + DAY, NOW),
    "list_links": lambda user, key: queries.list_links(user, key, 10, 0, NOW),
    "delete_link": lambda user, key: queries.delete_link(user, key, uuid4(), NOW),
    "history": lambda user, key: queries.list_valuation_points(user, key, NOW, NOW + DAY, "raw", 10),
}


@pytest.mark.parametrize("use", USES)
def test_what_is_somebody_elses_is_not_found_and_not_touched(portfolio: Portfolio, admin: User, use: str) -> None:
    put(portfolio)
    before = queries.load_positions([portfolio.id])

    with pytest.raises(RowNotFound):
        USES[use](admin.id, portfolio.id)
    with pytest.raises(RowNotFound):
        USES[use](portfolio.user_id, uuid4())

    assert queries.load_positions([portfolio.id]) == before


def test_the_book_says_who_holds_what(user: User, portfolio: Portfolio) -> None:
    empty = queries.create_portfolio(user.id, "Empty", "USD", NOW)
    put(portfolio, "CBA.AX")
    bring(portfolio, "AAPL")

    entries = {entry.portfolio_id: entry for entry in queries.load_book()}

    assert [(symbol, currency) for symbol, currency, _ in entries[portfolio.id].held] == [
        ("AAPL", "USD"),
        ("CBA.AX", "AUD"),
    ]
    held = {holding.symbol: holding.quantity for holding in queries.load_positions([portfolio.id])[0].holdings}
    assert {symbol: quantity for symbol, _, quantity in entries[portfolio.id].held} == held
    assert (entries[portfolio.id].user_id, entries[portfolio.id].version) == (user.id, 3)
    assert (entries[empty.id].held, entries[empty.id].base_currency) == ((), "USD")


def test_positions_of_many_portfolios_are_loaded_and_unknown_ones_left_out(user: User, portfolio: Portfolio) -> None:
    put(portfolio)
    keys = [queries.create_portfolio(user.id, str(i), "AUD", NOW).id for i in range(3)]

    loaded = queries.load_positions([*keys, portfolio.id, *(uuid4() for _ in range(600))])

    assert {positions.portfolio_id for positions in loaded} == {*keys, portfolio.id}
    assert {len(positions.holdings) for positions in loaded} == {0, 1}


@pytest.mark.parametrize("others", [0, 1])
def test_what_is_held_is_of_the_version_that_is_said_whatever_changes_meanwhile(
    user: User, portfolio: Portfolio, others: int
) -> None:
    keys = [portfolio.id, *(uuid4() for _ in range(others))]

    def change() -> None:
        for number in range(1, 201):
            queries.put_holding(user.id, portfolio.id, "CBA.AX", Decimal(number), Decimal(1), "AUD", LATER)
        proxy.close()

    writer = threading.Thread(target=change)
    writer.start()
    seen = set()
    while writer.is_alive():
        (found,) = queries.load_positions(keys)
        changes = found.version - portfolio.version
        assert [holding.quantity for holding in found.holdings] == ([changes] if changes else [])
        seen.add(found.version)
    writer.join()
    assert len(seen) > 1
