"""The strict door: what it refuses whole, which faults it names, and that numbers pass exactly."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import decode
from web.fields import Quantity
from web.problems import Invalid, Malformed
from web.schemas import HistoryQuery, NewHolding, NewPortfolio, PricesQuery, RefreshBody, StreamQuery
from web.usage_schemas import UsageQuery

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def faults(error):
    return [(tuple(fault["loc"]), fault["type"]) for fault in error.value.detail]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b'{"a": 1} x',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1, "a": 2}',
        b'{"a": {"b": 1, "b": 1}}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        '{"a": 1}'.encode("utf-16"),
        b"[" * 21 + b"]" * 21,
        b"[" * 100_000,
        b'{"a":' * 50_000,
        b'{"a": 1e9999999999999999999999}',
        b"{'a': 1}",
        b'{"a": "\n"}',
    ],
)
def test_what_is_no_json_is_malformed(data):
    with pytest.raises(Malformed):
        decode.read_json(data)


@pytest.mark.parametrize(
    "data",
    [
        b'{"symbols": [' + b",".join([b"1"] * 100_000) + b"]}",
        b'{"symbols": [' + b",".join([b'"A"'] * 100_000) + b"]}",
        b'{"symbols": [' + b",".join([b"[]"] * 100_000) + b"]}",
        b"{" + b",".join(b'"a%d": 1' % number for number in range(50_000)) + b"}",
        b'{"symbols": ["' + rb"\"" * 100_000 + b'"]}',
        b"[]" * 100_000,
    ],
    ids=["numbers", "strings", "lists", "names", "escapes", "brackets"],
)
def test_a_body_that_would_take_long_to_read_is_not_read(data, monkeypatch):
    monkeypatch.setattr(json, "loads", None)
    with pytest.raises(Invalid) as error:
        decode.body(data, RefreshBody)
    assert faults(error) == [(("body",), "too_long")]


def test_a_query_names_no_more_faults_than_anybody_reads():
    with pytest.raises(Invalid) as error:
        decode.query_values("&".join(f"a{number}=1&a{number}=2" for number in range(1000)))
    assert len(faults(error)) == decode.FAULTS_TOLD


def test_brackets_in_a_string_do_not_nest():
    assert decode.read_json(b'{"a": "' + b'[{\\"' * 100 + b'"}') == {"a": '[{"' * 100}


@pytest.mark.parametrize("depth", [1, 20])
def test_up_to_twenty_levels_pass(depth):
    assert decode.read_json(b"[" * depth + b"]" * depth) is not None


@given(
    st.decimals(
        allow_nan=False, allow_infinity=False, min_value="0.000000000001", max_value="9999999999999999", places=12
    )
)
def test_a_number_passes_exactly_as_a_string_and_as_a_number(number):
    written = format(number, "f")
    for text in (written, f'"{written}"'):
        body = decode.body(b'{"quantity": %s, "average_cost": 0, "currency": "USD"}' % text.encode(), NewHolding)
        assert format(body.quantity, "f") == written
        assert type(body.quantity) is Decimal


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda it: st.lists(it) | st.dictionaries(st.text(), it),
    )
)
def test_any_value_is_a_quantity_or_a_value_error(value):
    try:
        assert Quantity.parse(value) > 0
    except ValueError:
        pass


def test_all_faults_are_named_with_their_places():
    data = b'{"quantity": 0, "average_cost": true, "more": 1}'

    with pytest.raises(Invalid) as error:
        decode.body(data, NewHolding)

    assert sorted(faults(error)) == [
        (("body", "average_cost"), "value_error"),
        (("body", "currency"), "missing"),
        (("body", "more"), "unknown_field"),
        (("body", "quantity"), "value_error"),
    ]


@pytest.mark.parametrize("data", [b"[]", b"1", b"null", b'"a"'])
def test_a_body_is_an_object(data):
    with pytest.raises(Invalid) as error:
        decode.body(data, NewHolding)
    assert faults(error) == [(("body",), "type_error")]


@pytest.mark.parametrize("text", [r"\u0000", r"\ud800", r"\udfff x"])
@pytest.mark.parametrize("place", ['{"symbols": ["%s"]}', '{"%s": 1}', '{"more": {"deep": "%s"}}'])
def test_text_that_no_database_takes_is_refused_wherever_it_stands(text, place):
    with pytest.raises(Invalid):
        decode.body((place % text).encode(), RefreshBody)


def test_the_place_of_a_fault_in_a_list_is_its_index():
    with pytest.raises(Invalid) as error:
        decode.body(b'{"symbols": ["A", 1, "B"]}', RefreshBody)
    assert faults(error) == [(("body", "symbols", 1), "value_error")]


def test_fields_that_exclude_each_other_are_one_fault_of_the_body():
    with pytest.raises(Invalid) as error:
        decode.body(b'{"symbols": ["A"], "portfolio_id": "%s"}' % ID.encode(), RefreshBody)
    assert faults(error) == [(("body",), "value_error")]


def test_a_query_is_read_into_its_types():
    text = f"portfolio_ids={ID}&symbols=cba.ax,%5egspc&include_heartbeat=false&last_event_id=%00%C3%A4"

    query = decode.query(text, StreamQuery)

    assert query == StreamQuery(
        portfolio_ids=(UUID(ID),), symbols=("CBA.AX", "^GSPC"), include_heartbeat=False, last_event_id="\0ä"
    )


def test_dates_are_read_as_they_stand():
    query = decode.query("start_date=2024-02-29", UsageQuery)

    assert (query.start_date, query.end_date) == (date(2024, 2, 29), None)


def test_times_are_turned_to_utc():
    query = decode.query("start=2026-01-05T10:00:00.5%2B10:00&limit=7", HistoryQuery)

    assert query.start == datetime(2026, 1, 5, 0, 0, 0, 500_000, UTC)
    assert (query.end, query.interval, query.limit) == (None, "raw", 7)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("limit=0", HistoryQuery, "limit"),
        ("limit=1e3", HistoryQuery, "limit"),
        ("limit=+5", HistoryQuery, "limit"),
        ("limit=", HistoryQuery, "limit"),
        ("limit=" + "9" * 5000, HistoryQuery, "limit"),
        ("interval=2h", HistoryQuery, "interval"),
        ("start=2026-01-05", HistoryQuery, "start"),
        ("start=2026-01-05T10:00:00", HistoryQuery, "start"),
        ("start=2026-02-30T10:00:00Z", HistoryQuery, "start"),
        ("start=0001-01-01T00:00:00%2B10:00", HistoryQuery, "start"),
        ("end=9999-12-31T23:59:59-10:00", HistoryQuery, "end"),
        ("start=1767571200", HistoryQuery, "start"),
        ("start_date=2026-02-30", UsageQuery, "start_date"),
        ("start_date=20260105", UsageQuery, "start_date"),
        ("end_date=2026-01-05T00:00:00Z", UsageQuery, "end_date"),
        ("end_date=0999-01-05", UsageQuery, "end_date"),
        ("symbols=", PricesQuery, "symbols"),
        ("symbols=A,,B", PricesQuery, "symbols"),
        ("symbols=" + ",".join(["A"] * 101), PricesQuery, "symbols"),
        ("symbols=A&symbols=B", PricesQuery, "symbols"),
        ("", PricesQuery, "symbols"),
        ("portfolio_ids=x", StreamQuery, "portfolio_ids"),
        ("portfolio_ids=" + ID.replace("-", ""), StreamQuery, "portfolio_ids"),
        ("portfolio_ids=" + ",".join([ID] * 6), StreamQuery, "portfolio_ids"),
        ("include_heartbeat=yes", StreamQuery, "include_heartbeat"),
        ("more=1", StreamQuery, "more"),
    ],
)
def test_a_wrong_parameter_is_named(text, kind, name):
    with pytest.raises(Invalid) as error:
        decode.query(text, kind)
    assert {loc[:2] for loc, _ in faults(error)} == {("query", name)}


@pytest.mark.parametrize("text", ["symbols=%ff", "symbols=\xff", "%ff=1", "symbols=%c3"])
def test_a_query_that_is_not_utf8_is_malformed(text):
    with pytest.raises(Malformed):
        decode.query(text, PricesQuery)


@pytest.mark.parametrize("unit", ["GBp", "GBX", "ZAc", "ZAC", "ILA"])
def test_a_hundredth_of_a_currency_is_none_rather_than_a_hundred_times_as_much(unit):
    for data, kind, field in [
        ({"quantity": "1", "average_cost": "150", "currency": unit}, NewHolding, "currency"),
        ({"name": "a", "base_currency": unit}, NewPortfolio, "base_currency"),
    ]:
        with pytest.raises(Invalid) as error:
            decode.body(json.dumps(data).encode(), kind)
        assert faults(error) == [(("body", field), "value_error")]
    assert decode.body(b'{"name": "a", "base_currency": "gbp"}', NewPortfolio).base_currency == "GBP"
