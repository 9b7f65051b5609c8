"""Alpha Vantage: end-of-day prices of US and some other exchanges, and exchange rates; one symbol a call.

https://www.alphavantage.co/documentation/; 25 calls a day and one a second without a paid plan.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from market_actors.domain.exchanges import FX, SUFFIXES, exchange_of
from market_actors.domain.quote import Quote
from market_actors.errors import SYMBOL_KINDS, ErrorKind, ProviderError
from market_actors.providers import alpha_vantage_answers as answers
from market_actors.providers.base import Fetched, Provider, Quota
from market_actors.providers.http import Client
from persistence.records import Instrument

BASE_URL = "https://www.alphavantage.co"

EXCHANGES = frozenset({"XNYS", FX}) | {SUFFIXES[suffix] for suffix in answers.SUFFIXES}


class AlphaVantage(Provider):
    """One symbol a call: a quote without currency and with a date only, or an exchange rate.

    api_key: without one every call is refused, which the status then shows.
    close_of: when the session of a day closes at an exchange (aware, UTC); None where there is none.
    extra_exchanges: asked for as well, although its coverage is unreliable there. XASX is one: some symbols are
        answered with another security's price, which only the comparison with earlier prices can show.
    now: the wall clock, aware, UTC.
    """

    name = answers.NAME
    dates_only = True

    def __init__(
        self,
        quota: Quota,
        timeout_seconds: float,
        api_key: str | None,
        close_of: Callable[[str, date], datetime | None],
        base_url: str = BASE_URL,
        extra_exchanges: frozenset[str] = frozenset(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.quota = quota
        self._api_key = api_key or ""
        self._close_of = close_of
        self._exchanges = EXCHANGES | extra_exchanges
        self._now = now
        # Their documentation gives the address with its path: it is taken with and without.
        self._client = Client(base_url.rstrip("/").removesuffix("/query"), timeout_seconds, secret=api_key)
        self._minute_was_spent = False

    def covers(self, exchange: str) -> bool:
        return exchange in self._exchanges

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        (symbol,) = symbols
        try:
            return Fetched((self._quote(symbol),), {})
        except ProviderError as error:
            if error.kind in SYMBOL_KINDS:
                return Fetched((), {symbol: error})
            raise

    def search(self, text: str) -> tuple[Instrument, ...]:
        return answers.found(self._ask({"function": "SYMBOL_SEARCH", "keywords": text}), self.covers)

    def close(self) -> None:
        self._client.close()

    def _quote(self, symbol: str) -> Quote:
        currencies = answers.pair(symbol)
        if currencies is not None:
            source, target = currencies
            rate = {"function": "CURRENCY_EXCHANGE_RATE", "from_currency": source, "to_currency": target}
            return answers.exchange_rate(symbol, self._ask(rate), self._now())
        spelled = answers.spell(symbol)
        if spelled is None or not self.covers(exchange_of(symbol)):
            raise ProviderError(ErrorKind.UNSUPPORTED_EXCHANGE, "does not cover symbols of this kind")
        content = self._ask({"function": "GLOBAL_QUOTE", "symbol": spelled})
        return answers.global_quote(symbol, content, self._now(), self._close_of)

    def _ask(self, params: Mapping[str, str]) -> Mapping[str, Any]:
        answer = self._client.get("/query", {**params, "apikey": self._api_key})
        try:
            content = answers.check(answer)
        except answers.MinuteSpent:
            if not self._minute_was_spent:
                self._minute_was_spent = True
                raise
            self._minute_was_spent = False
        else:
            self._minute_was_spent = False
            return content
        raise ProviderError(ErrorKind.QUOTA_DAY, "the calls of the day are spent")  # the wait of a minute did not help
