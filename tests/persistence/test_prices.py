"""Last prices, the price history, and the bars that are made of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from peewee import Database

from persistence import models, queries
from persistence.queries import prices
from persistence.records import Bar, Instrument
from tests.persistence.samples import DAY, HOUR, MINUTE, NOW, SECOND, price

pytestmark = pytest.mark.usefixtures("database")

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def record(*points: tuple[datetime, str, int | None], symbol: str = "CBA.AX") -> None:
    queries.record_prices(
        [
            price(symbol=symbol, quote_time=time, price=Decimal(amount), volume=volume, number=number)
            for number, (time, amount, volume) in enumerate(points, 1)
        ]
    )


def bars(interval: str = "15m", limit: int = 100, timezone: str = "UTC", start: datetime = NOON - DAY) -> list[Bar]:
    return list(queries.list_bars("CBA.AX", start, NOON + DAY, interval, limit, timezone))


def test_a_last_price_comes_back_as_it_was() -> None:
    kept = price()
    bare = price(symbol="AAPL", name=None, previous_close=None, volume=None, end_of_day=True, number=2)

    queries.record_prices([kept, bare])

    assert queries.load_last_prices() == (bare, kept)
    assert str(queries.load_last_prices()[1].price) == "123.4500"


def test_a_later_price_replaces_the_last_one_but_not_a_name_by_none() -> None:
    queries.record_prices([price()])
    later = price(price=Decimal(124), name=None, number=2)

    queries.record_prices([later])

    assert queries.load_last_prices() == (replace(later, name="Commonwealth Bank"),)


def test_an_earlier_position_never_replaces_a_later_one() -> None:
    later = price(epoch=2, number=1)
    queries.record_prices([later])

    queries.record_prices([price(epoch=1, number=99, price=Decimal(1))])

    assert queries.load_last_prices() == (later,)


def test_a_price_that_is_recorded_twice_stands_in_the_history_once() -> None:
    queries.record_prices([price()])
    queries.record_prices([price()])

    assert models.RealtimePriceHistory.select().count() == 1


def test_nothing_is_recorded_when_one_price_is_impossible(database: Database) -> None:
    with pytest.raises(ValueError, match="finite"):
        queries.record_prices([price(), price(symbol="AAPL", price=Decimal("NaN"), number=2)])

    assert queries.load_last_prices() == ()


def test_a_price_that_somebody_set_is_in_the_history_and_does_not_replace_the_last_good_one() -> None:
    good, by_hand = price(number=1), replace(price(number=2), source="override")
    alone = replace(price(symbol="BHP.AX", number=3), source="override")
    queries.record_prices([good])
    queries.record_prices([by_hand, alone])

    assert set(queries.load_last_prices()) == {good, alone}
    points = queries.list_price_points("CBA.AX", NOW - DAY, NOW + DAY, 10)
    assert [point.source for point in points] == [good.source, "override"]


def test_a_price_that_is_covered_is_the_last_good_one_and_not_in_the_history() -> None:
    good = price(number=1)
    queries.record_prices([good])
    covered = replace(good, price=Decimal("101.75"))
    queries.record_prices([], [covered])

    assert queries.load_last_prices() == (covered,)
    assert len(queries.list_price_points("CBA.AX", NOW - DAY, NOW + DAY, 10)) == 1


def test_no_prices_are_recorded_without_complaint() -> None:
    queries.record_prices([])


def test_instruments_are_found_by_symbol_and_name_in_any_case() -> None:
    named = {"CBA.AX": "Commonwealth Bank", "BANK": "Some Trust", "XYZ": None, "NAB.AX": "National Australia Bank"}
    queries.record_prices([price(symbol=symbol, name=name, number=n) for n, (symbol, name) in enumerate(named.items())])

    assert [found.symbol for found in queries.search_instruments("bank", 10)] == ["BANK", "CBA.AX", "NAB.AX"]
    assert [found.symbol for found in queries.search_instruments("bank", 2)] == ["BANK", "CBA.AX"]
    assert [found.symbol for found in queries.search_instruments("x", 10)] == ["XYZ", "CBA.AX", "NAB.AX"]
    assert queries.search_instruments("xyz", 10) == (Instrument("XYZ", None, "XASX", "AUD"),)


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "*"])
def test_a_search_takes_its_text_literally(text: str) -> None:
    queries.record_prices([price()])

    assert queries.search_instruments(text, 10) == ()


def test_points_are_the_newest_within_the_limit_oldest_first() -> None:
    record(*((NOON + minute * MINUTE, f"1{minute}.50", minute) for minute in range(5)))

    points = queries.list_price_points("CBA.AX", NOON + MINUTE, NOON + 4 * MINUTE, 2)

    assert [(point.timestamp, str(point.price), point.volume) for point in points] == [
        (NOON + 2 * MINUTE, "12.50", 2),
        (NOON + 3 * MINUTE, "13.50", 3),
    ]
    assert (points[0].source, points[0].is_market_hours) == ("yahoo", True)
    assert queries.list_price_points("AAPL", NOON, NOON + DAY, 10) == ()


def test_points_of_one_time_keep_the_order_of_their_publication() -> None:
    record((NOON, "1", None), (NOON, "2", None), (NOON, "3", None))

    assert [str(point.price) for point in queries.list_price_points("CBA.AX", NOON, NOON + DAY, 10)] == ["1", "2", "3"]


def test_a_bar_has_the_first_the_last_and_the_extremes_of_its_quarter() -> None:
    record(
        (NOON + 14 * MINUTE, "9", 100),
        (NOON + 15 * MINUTE, "10.0", 110),
        (NOON + 20 * MINUTE, "12.50", 120),
        (NOON + 25 * MINUTE, "8", 130),
        (NOON + 30 * MINUTE - SECOND, "11", 150),
        (NOON + 30 * MINUTE, "20", 160),
    )

    assert bars()[1] == Bar(NOON + 15 * MINUTE, Decimal("10.0"), Decimal("12.50"), Decimal(8), Decimal(11), 50)
    assert [bar.timestamp for bar in bars()] == [NOON, NOON + 15 * MINUTE, NOON + 30 * MINUTE]
    assert [bar.timestamp for bar in bars("1h")] == [NOON]


def test_a_quarter_without_prices_has_no_bar() -> None:
    record((NOON, "1", None), (NOON + HOUR, "2", None))

    assert [bar.timestamp for bar in bars()] == [NOON, NOON + HOUR]


def test_volumes_count_from_the_beginning_of_the_day() -> None:
    yesterday = NOON - 13 * HOUR
    record(
        (yesterday, "1", 900),
        (NOON, "1", 100),
        (NOON + 15 * MINUTE, "1", None),
        (NOON + 30 * MINUTE, "1", 170),
        (NOON + 45 * MINUTE, "1", 180),
        (NOON + 60 * MINUTE, "1", 20),
    )

    assert [bar.volume for bar in bars()] == [900, 100, None, None, 10, None]
    assert [bar.volume for bar in bars("1d")] == [900, 20]


def test_the_volume_of_the_first_bar_leaves_out_what_was_traded_before_the_start() -> None:
    record((NOON - HOUR, "1", 100), (NOON, "1", 130))

    assert [bar.volume for bar in bars(start=NOON)] == [30]


def test_a_bar_that_the_start_cuts_is_made_of_what_lies_after() -> None:
    record((NOON, "1", 5), (NOON + MINUTE, "2", 6), (NOON + 2 * MINUTE, "3", 8))

    assert bars(start=NOON + MINUTE) == [Bar(NOON, Decimal(2), Decimal(3), Decimal(2), Decimal(3), 3)]


def test_the_newest_bars_are_kept_within_the_limit() -> None:
    record(*((NOON + hour * HOUR, str(hour + 1), hour) for hour in range(6)))

    assert [bar.timestamp for bar in bars("1h", limit=2)] == [NOON + 4 * HOUR, NOON + 5 * HOUR]
    assert bars("1h", limit=2)[0].volume == 1


def test_days_are_those_of_the_time_zone_also_when_its_clocks_change() -> None:
    midnight = datetime(2026, 4, 4, 13, 0, tzinfo=UTC)  # of Sydney, which leaves summer time on 5 April 2026
    record((midnight - SECOND, "1", None), (midnight, "2", None), (midnight + 24 * HOUR, "3", None))
    found = queries.list_bars("CBA.AX", midnight - DAY, midnight + 3 * DAY, "1d", 10, "Australia/Sydney")

    assert [(bar.timestamp, str(bar.close)) for bar in found] == [(midnight - DAY, "1"), (midnight, "3")]


def test_bars_are_made_across_the_pages_in_which_prices_are_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    record(*((NOON + n // 3 * SECOND, str(n + 1), n) for n in range(20)))
    whole = bars("1h")

    monkeypatch.setattr(prices, "PAGE", 2)

    assert bars("1h") == whole == [Bar(NOON, Decimal(1), Decimal(20), Decimal(1), Decimal(20), 19)]


def test_an_unknown_interval_is_refused() -> None:
    with pytest.raises(ValueError, match="interval"):
        bars("5m")


def test_the_history_of_one_symbol_has_none_of_another() -> None:
    record((NOON, "1", None), symbol="AAPL")

    assert bars() == []
    assert queries.list_price_points("CBA.AX", NOW - DAY, NOON + DAY, 10) == ()
