from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from market_actors.domain.valuation import Unpriced, changed_symbols, revalued, value
from tests.domain.samples import NOON, holdings, position, price_of, quote

CBA = price_of(quote("CBA.AX", "101.25", previous_close="100.00"))
AAPL = price_of(quote("AAPL", "200.10", previous_close="199.10", quote_time=NOON - timedelta(hours=1)))
RATE = price_of(quote("USDAUD=X", "1.5234"))


def worth(*positions, prices=(CBA, AAPL, RATE), base_currency="AUD"):
    return value(holdings(*positions, base_currency=base_currency), {price.symbol: price for price in prices})


def test_a_portfolio_is_worth_its_holdings_at_the_prices_of_now():
    found = worth(position("CBA.AX", "10", "90.5"), position("AAPL", "2", "150"))

    assert found.total_value == Decimal("1012.50") + 2 * Decimal("200.10") * Decimal("1.5234")
    assert found.total_cost_basis == Decimal("905.0") + 300 * Decimal("1.5234")
    assert found.unrealized_gain_loss == found.total_value - found.total_cost_basis
    assert found.daily_change == Decimal("12.50") + 2 * Decimal("1.5234")
    assert found.daily_change_percent == Decimal("0.9677")
    assert (found.fresh_percent, found.partial, found.unpriced) == (100.0, False, ())
    assert (found.last_updated, found.oldest_update) == (NOON, NOON - timedelta(hours=1))


def test_a_holding_says_its_price_in_the_quotes_currency_and_the_rest_in_the_portfolios():
    (holding,) = worth(position("AAPL", "2", "150")).holdings

    assert (holding.price, holding.currency) == (Decimal("200.10"), "USD")
    assert holding.market_value == Decimal("609.664680")
    assert (holding.source, holding.last_updated, holding.is_stale) == ("yahoo", NOON - timedelta(hours=1), False)


def test_a_missing_price_is_neither_zero_nor_what_was_paid():
    found = worth(position("CBA.AX", "10", "90"), position("BHP.AX", "10", "40"))

    assert found.total_value == Decimal("1012.50")
    assert found.total_cost_basis == Decimal(900)
    assert found.unpriced == (Unpriced("BHP.AX", "no_price"),)
    assert found.partial
    assert found.fresh_percent == 50.0


def test_without_a_rate_the_holding_is_named_and_counts_nowhere():
    found = worth(position("CBA.AX"), position("AAPL", "2", "150"), prices=[CBA, AAPL])

    assert found.unpriced == (Unpriced("AAPL", "no_rate"),)
    assert found.total_value == Decimal("101.25")


def test_a_rate_in_another_currency_than_the_portfolios_is_none():
    odd = price_of(quote("USDAUD=X", "1.5234", currency="USD"))

    assert worth(position("AAPL"), prices=[AAPL, odd]).unpriced == (Unpriced("AAPL", "no_rate"),)


def test_the_cost_is_converted_from_its_own_currency():
    found = worth(position("CBA.AX", "1", "50", currency="USD"))

    assert found.total_cost_basis == 50 * Decimal("1.5234")
    assert worth(position("CBA.AX", "1", "50", currency="USD"), prices=[CBA]).unpriced == (
        Unpriced("CBA.AX", "no_rate"),
    )


def test_a_stale_rate_makes_the_holding_stale():
    stale = price_of(quote("USDAUD=X", "1.5234"), is_stale=True)
    found = worth(position("AAPL"), position("CBA.AX"), prices=[AAPL, CBA, stale])

    assert [holding.is_stale for holding in found.holdings] == [True, False]
    assert (found.stale_price_count, found.fresh_percent) == (1, 50.0)


def test_a_change_that_is_unknown_is_not_counted_as_none_at_all():
    unknown = price_of(quote("BHP.AX", "40"))
    found = worth(position("CBA.AX", "1"), position("BHP.AX", "1"), prices=[CBA, unknown])

    assert [holding.daily_change for holding in found.holdings] == [Decimal("1.25"), None]
    assert (found.daily_change, found.daily_change_percent) == (Decimal("1.25"), Decimal("1.2500"))
    alone = worth(position("BHP.AX"), prices=[unknown])
    assert (alone.daily_change, alone.daily_change_percent) == (None, None)


def test_an_empty_portfolio_is_worth_nothing_and_lacks_nothing():
    found = worth()

    assert (found.total_value, found.daily_change, found.daily_change_percent) == (0, 0, None)
    assert (found.fresh_percent, found.partial, found.last_updated) == (100.0, False, None)


def test_it_remembers_what_prices_it_was_made_of():
    found = worth(position("AAPL"), position("BHP.AX"))

    assert found.inputs == {"AAPL": AAPL.position, "USDAUD=X": RATE.position}


amounts = st.decimals(min_value="0.000000000001", max_value=10**15, places=12)
SYMBOLS = ["CBA.AX", "BHP.AX", "AAPL", "MSFT", "VOD.L"]


@st.composite
def portfolios(draw):
    """Positions, and prices for some of what they need."""
    positions = [
        position(symbol, str(draw(amounts)), str(draw(amounts)), draw(st.sampled_from(["AUD", "USD", "GBP"])))
        for symbol in draw(st.lists(st.sampled_from(SYMBOLS), unique=True))
    ]
    known = draw(st.lists(st.sampled_from([*SYMBOLS, "USDAUD=X", "GBPAUD=X"]), unique=True))
    prices = [
        price_of(
            quote(
                symbol,
                str(draw(amounts)),
                previous_close=str(before) if (before := draw(st.none() | amounts)) else None,
            ),
            is_stale=draw(st.booleans()),
        )
        for symbol in known
    ]
    return positions, prices


@given(portfolios())
def test_the_parts_add_up_to_the_whole_exactly(portfolio):
    positions, prices = portfolio
    found = worth(*positions, prices=prices)

    assert Fraction(found.total_value) == sum(Fraction(each.market_value) for each in found.holdings)
    assert Fraction(found.total_cost_basis) == sum(Fraction(each.cost_basis) for each in found.holdings)
    assert Fraction(found.unrealized_gain_loss) == sum(Fraction(each.unrealized_gain_loss) for each in found.holdings)
    known = [Fraction(each.daily_change) for each in found.holdings if each.daily_change is not None]
    assert Fraction(found.daily_change or 0) == sum(known)


@given(portfolios())
def test_nothing_is_rounded(portfolio):
    positions, prices = portfolio
    known = {price.symbol: Fraction(price.value) for price in prices} | {"AUDAUD=X": Fraction(1)}
    currencies = {price.symbol: price.currency for price in prices}
    by_symbol = {each.symbol: each for each in positions}

    for holding in worth(*positions, prices=prices).holdings:
        rate = known[f"{currencies[holding.symbol]}AUD=X"]
        quantity = Fraction(by_symbol[holding.symbol].quantity)
        assert Fraction(holding.market_value) == quantity * known[holding.symbol] * rate


@given(portfolios())
def test_every_holding_is_either_valued_or_named(portfolio):
    positions, prices = portfolio
    found = worth(*positions, prices=prices)

    named = [each.symbol for each in found.holdings] + [each.symbol for each in found.unpriced]
    assert sorted(named) == sorted(each.symbol for each in positions)
    assert found.partial == bool(found.unpriced)
    assert all(each.market_value > 0 for each in found.holdings)


@given(portfolios(), st.randoms())
def test_the_order_of_the_holdings_changes_no_total(portfolio, random):
    positions, prices = portfolio
    found = worth(*positions, prices=prices)
    shuffled = worth(*random.sample(positions, len(positions)), prices=prices)

    assert shuffled.total_value == found.total_value
    assert shuffled.daily_change_percent == found.daily_change_percent
    assert set(shuffled.holdings) == set(found.holdings)


def texts(valuation):
    """Every amount as its digits, since 1.5 and 1.50 are equal and do not look it."""
    amounts = (
        valuation.total_value,
        valuation.total_cost_basis,
        valuation.unrealized_gain_loss,
        valuation.daily_change,
    )
    return [str(amount) for amount in amounts]


@st.composite
def batches(draw):
    """Later prices of some of the symbols and rates; few, so that most are of holdings."""
    short = st.decimals(min_value="0.0001", max_value=10**4, places=4).map(Decimal.normalize)
    return [
        {
            symbol: price_of(
                quote(
                    symbol,
                    str(draw(short)),
                    previous_close=str(draw(short)) if draw(st.booleans()) else None,
                    currency=draw(st.sampled_from(["AUD", "AUD", "USD"])),
                ),
                is_stale=draw(st.booleans()),
            )
            for symbol in draw(st.lists(st.sampled_from([*SYMBOLS, "USDAUD=X", "GBPAUD=X"]), unique=True, min_size=1))
        }
        for _ in range(draw(st.integers(1, 4)))
    ]


@given(portfolios(), batches())
def test_going_on_from_a_former_value_comes_to_the_same_digits_as_counting_anew(portfolio, later):
    positions, prices = portfolio
    held, known = holdings(*positions), {price.symbol: price for price in prices}
    found = value(held, known)
    for batch in later:
        known = known | batch
        before, found = found, revalued(found, held, known, frozenset(batch))
        anew = value(held, known)

        assert found == anew
        assert texts(found) == texts(anew)
        assert dict(found.inputs) == dict(anew.inputs)
        was = {each.symbol: each for each in before.holdings}
        assert changed_symbols(before, found) == {each.symbol for each in anew.holdings if was.get(each.symbol) != each}


def test_fewer_decimals_of_one_price_shorten_the_total_as_if_it_were_counted_anew():
    held = holdings(position("CBA.AX", "1"), position("BHP.AX", "1"))
    known = {each.symbol: each for each in (CBA, price_of(quote("BHP.AX", "40.1234", previous_close="40")))}
    found = value(held, known)
    assert str(found.total_value) == "141.3734"

    shorter = price_of(quote("BHP.AX", "40.5", previous_close="40"))
    found = revalued(found, held, known | {"BHP.AX": shorter}, frozenset({"BHP.AX"}))

    assert str(found.total_value) == "141.75"


def test_a_new_rate_values_all_anew_that_hang_on_it():
    held = holdings(position("CBA.AX", "1"), position("AAPL", "2", "150"))
    rate = price_of(quote("USDAUD=X", "1.6", previous_close="1.5"))
    before = price_of(quote("USDAUD=X", "1.5", previous_close="1.5"))
    known = {each.symbol: each for each in (CBA, AAPL, before)}
    found = value(held, known)

    later = revalued(found, held, known | {"USDAUD=X": rate}, frozenset({"USDAUD=X"}))

    assert later.total_value == Decimal("101.25") + 2 * Decimal("200.10") * Decimal("1.6")
    assert changed_symbols(found, later) == {"AAPL"}
