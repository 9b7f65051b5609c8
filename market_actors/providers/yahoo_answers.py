"""Reading Yahoo's answers: pure functions, from bytes to quotes. Formats as of 2026; nothing of it is documented by Yahoo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from market_actors.domain.exchanges import currency_of, exchange_of
from market_actors.domain.quote import SYMBOL, Quote
from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.base import Fetched
from market_actors.providers.http import Answer
from market_actors.providers.wire import (
    content_of_one_symbol,
    decode,
    label,
    malformed,
    mapping,
    moment,
    money,
    number,
    previous,
    volume,
)
from market_actors.providers.yahoo_exchanges import DELAY_SECONDS, EXCHANGE_OF_NAME, USUAL_DELAY_SECONDS
from persistence.records import Instrument

NAME = "yahoo"
COOL_OFF_SECONDS = 1800.0
"""After being told of too many requests: those who come back sooner are refused for longer."""


def check(answer: Answer) -> None:
    """Raise the ProviderError that this answer stands for, if it is none that holds quotes."""
    body = answer.body.lstrip()
    start = body[:40].lower()
    if answer.status == 429 or start.startswith((b"too many requests", b"edge: too many requests")):
        raise _throttled("too many requests", answer)
    if answer.status == 401:
        raise ProviderError(ErrorKind.UPSTREAM, "refuses requests without a session (401)", answer.retry_after)
    if answer.status == 404:
        if _error_code(body) == "Not Found":
            raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, "no data found for the symbol")
        raise _throttled("not found (404), and not in the usual form", answer)
    if answer.status == 400 and b"data doesn't exist for startdate" in body.lower():
        raise ProviderError(ErrorKind.NO_DATA_RANGE, "no data in the range that was asked for")
    if answer.status in (400, 422):
        # our mistake, which says nothing about other symbols: no kind that counts against the provider
        raise ProviderError(ErrorKind.NO_DATA_RANGE, f"does not take the request ({answer.status})")
    if answer.status != 200:
        raise ProviderError(ErrorKind.UPSTREAM, f"answered with status {answer.status}", answer.retry_after)
    if start.startswith(b"<") or b"will be right back" in body[:2000].lower():
        raise ProviderError(ErrorKind.UPSTREAM, "answered with a page instead of data")


def _throttled(what: str, answer: Answer) -> ProviderError:
    wait = COOL_OFF_SECONDS if answer.retry_after is None else answer.retry_after
    return ProviderError(ErrorKind.THROTTLED, what, wait)


def _error_code(body: bytes) -> object:
    """Return the code of Yahoo's own error, which stands under the name of what was asked."""
    try:
        answer = decode(body)
    except ProviderError:
        return None
    if not isinstance(answer, dict):
        return None
    for part in answer.values():
        if isinstance(part, dict) and isinstance(part.get("error"), dict):
            return part["error"].get("code")
    return None


def chart(symbol: str, body: bytes, received_at: datetime) -> Quote:
    """Return the quote in the answer of /v8/finance/chart.

    Raises ProviderError: unknown_symbol (or the answer is about another), no_data_range (it has no price, or none
    that can be read), upstream, malformed.
    """
    return _of_meta(symbol, mapping(_results("chart", body)[0], "the result").get("meta"), received_at)


def _results(name: str, body: bytes) -> Sequence[Any]:
    part = mapping(mapping(decode(body), "the answer").get(name), name)
    if part.get("error") is not None:
        if mapping(part["error"], "the error").get("code") == "Not Found":
            raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, "no data found for the symbol")
        raise ProviderError(ErrorKind.UPSTREAM, "answered with an error of its own")
    results = part.get("result")
    if not isinstance(results, list) or not results:
        raise malformed("the answer has no result")
    return results


def _of_meta(symbol: str, meta: object, received_at: datetime) -> Quote:
    meta = mapping(meta, "the result's meta")
    _insist(symbol, meta.get("symbol"))
    with content_of_one_symbol():
        return _quote(symbol, meta, received_at)


def _quote(symbol: str, meta: Mapping[str, Any], received_at: datetime) -> Quote:
    sent = meta.get("regularMarketPrice")
    if sent is None or sent == 0:
        raise ProviderError(ErrorKind.NO_DATA_RANGE, "the symbol has no price")
    price, currency = money(number(sent, "regularMarketPrice"), meta.get("currency"), "currency")
    before = _previous_close(meta)
    if before is not None:
        before, _ = money(before, meta.get("currency"), "currency")
    exchange = EXCHANGE_OF_NAME.get(str(meta.get("exchangeName")))
    return Quote(
        symbol=symbol,
        provider=NAME,
        price=price,
        currency=currency,
        quote_time=moment(meta.get("regularMarketTime"), "regularMarketTime"),
        received_at=received_at,
        previous_close=before,
        volume=volume(meta.get("regularMarketVolume")),
        delay_seconds=delay(exchange or exchange_of(symbol)),
        exchange=exchange,
        name=label(meta.get("longName")) or label(meta.get("shortName")),
    )


def _previous_close(entry: Mapping[str, Any]) -> Decimal | None:
    """chartPreviousClose is the close before the range: yesterday's only when the range is a day."""
    before = None
    if entry.get("range", "1d") == "1d":
        before = previous(entry.get("chartPreviousClose"), "chartPreviousClose")
    return before if before is not None else previous(entry.get("previousClose"), "previousClose")


def _insist(symbol: str, answered: object) -> None:
    """Refuse an answer about another symbol; a pair from the US dollar may come back shortened: AUD=X for USDAUD=X."""
    if not isinstance(answered, str) or _long(answered.upper()) != _long(symbol):
        raise ProviderError(ErrorKind.UNKNOWN_SYMBOL, "answered with another symbol")


def _long(symbol: str) -> str:
    return f"USD{symbol}" if symbol.endswith("=X") and len(symbol) == len("AUD=X") else symbol


def delay(exchange: str) -> int:
    """Return by how many seconds quotes of *exchange* lag."""
    return DELAY_SECONDS.get(exchange, USUAL_DELAY_SECONDS)


def spark(symbols: Sequence[str], body: bytes, received_at: datetime, currency: Callable[[str], str | None]) -> Fetched:
    """Return the quotes in the answer of /v8/finance/spark, or of its v7 form; an absent symbol is unknown.

    currency: what a symbol is quoted in, a major unit; the v8 form does not say.
    """
    answer = mapping(decode(body), "the answer")
    is_v7 = "spark" in answer
    entries = _v7_entries(body) if is_v7 else answer
    quotes: list[Quote] = []
    failures: dict[str, ProviderError] = {}
    for symbol in symbols:
        entry = entries.get(symbol)
        if entry is None:
            failures[symbol] = ProviderError(ErrorKind.UNKNOWN_SYMBOL, "absent from the answer")
            continue
        try:
            if is_v7:
                quotes.append(_of_meta(symbol, mapping(entry, "the response").get("meta"), received_at))
            else:
                quotes.append(_of_spark(symbol, mapping(entry, "the entry"), received_at, currency(symbol)))
        except ProviderError as error:
            failures[symbol] = error
    return Fetched(tuple(quotes), failures)


def _v7_entries(body: bytes) -> Mapping[str, Any]:
    entries: dict[str, Any] = {}
    for result in _results("spark", body):
        entry = mapping(result, "the result")
        responses = entry.get("response")
        if isinstance(responses, list) and responses:
            entries[str(entry.get("symbol"))] = responses[0]
    return entries


def _of_spark(symbol: str, entry: Mapping[str, Any], received_at: datetime, currency: str | None) -> Quote:
    _insist(symbol, entry.get("symbol"))
    with content_of_one_symbol():
        return _spark_quote(symbol, entry, received_at, currency)


def _spark_quote(symbol: str, entry: Mapping[str, Any], received_at: datetime, currency: str | None) -> Quote:
    if currency is None:
        raise malformed("the entry has no currency")
    times, closes = entry.get("timestamp"), entry.get("close")
    if not isinstance(times, list) or not isinstance(closes, list) or len(times) != len(closes):
        raise malformed("the entry has no series")
    last = next((index for index in range(len(closes) - 1, -1, -1) if closes[index] is not None), None)
    if last is None:
        raise ProviderError(ErrorKind.NO_DATA_RANGE, "the symbol has no price")
    return Quote(
        symbol=symbol,
        provider=NAME,
        price=number(closes[last], "close"),
        currency=currency,
        quote_time=moment(times[last], "timestamp"),
        received_at=received_at,
        previous_close=_previous_close(entry),
        delay_seconds=delay(exchange_of(symbol)),
    )


def found(body: bytes) -> tuple[Instrument, ...]:
    """Return the instruments in the answer of /v1/finance/search; what we could not price is left out."""
    quotes = mapping(decode(body), "the answer").get("quotes")
    if not isinstance(quotes, list):
        raise malformed("the answer has no quotes")
    instruments = []
    for entry in quotes:
        entry = mapping(entry, "a quote")
        symbol = entry.get("symbol")
        if not isinstance(symbol, str) or not SYMBOL.match(symbol):
            continue
        currency = currency_of(symbol)
        if currency is not None:
            name = label(entry.get("longname")) or label(entry.get("shortname"))
            instruments.append(Instrument(symbol, name, exchange_of(symbol), currency))
    return tuple(instruments)
