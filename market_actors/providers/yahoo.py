"""Yahoo Finance: the only free source of ASX prices within the day. Unofficial; it breaks now and then."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from market_actors.domain.exchanges import exchange_of
from market_actors.errors import SYMBOL_KINDS, ProviderError
from market_actors.providers import yahoo_answers
from market_actors.providers.base import Fetched, Provider, Quota
from market_actors.providers.http import Client
from market_actors.providers.yahoo_exchanges import USUAL_DELAY_SECONDS
from persistence.records import Instrument

BASE_URL = "https://query1.finance.yahoo.com"
USER_AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"
)
"""As of a current browser: others are refused more often."""

PENCE_EXCHANGES = frozenset({"XLON", "XJSE", "XTAE"})
"""What trades there may be quoted in a hundredth of its currency, which an answer without unit does not tell."""


class Yahoo(Provider):
    """One symbol a call from the chart, or several from the spark, which gives no currency.

    instrument_currency: what a symbol is known to be quoted in (ISO 4217); None where that is not known.
    now: the wall clock, aware, UTC.
    """

    name = yahoo_answers.NAME
    delay_seconds = USUAL_DELAY_SECONDS

    def __init__(
        self,
        quota: Quota,
        timeout_seconds: float,
        base_url: str = BASE_URL,
        batch_size: int = 1,
        instrument_currency: Callable[[str], str | None] = lambda _symbol: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.quota = quota
        self.batch_size = batch_size
        self._instrument_currency = instrument_currency
        self._now = now
        self._client = Client(base_url, timeout_seconds, {"User-Agent": USER_AGENT})

    def covers(self, exchange: str) -> bool:
        return True

    def fetch(self, symbols: Sequence[str]) -> Fetched:
        """See Provider.fetch. One call has either one symbol or those that fit in a spark; the first is among them."""
        together = [symbol for symbol in symbols if self._fits_in_spark(symbol)]
        if len(together) > 1 and symbols[0] in together:
            return self._spark(together)
        return self._chart(symbols[0])

    def search(self, text: str) -> tuple[Instrument, ...]:
        answer = self._client.get("/v1/finance/search", {"q": text, "quotesCount": "20", "newsCount": "0"})
        yahoo_answers.check(answer)
        return yahoo_answers.found(answer.body)

    def close(self) -> None:
        self._client.close()

    def _fits_in_spark(self, symbol: str) -> bool:
        return exchange_of(symbol) not in PENCE_EXCHANGES and self._instrument_currency(symbol) is not None

    def _chart(self, symbol: str) -> Fetched:
        def read(body: bytes) -> Fetched:
            return Fetched((yahoo_answers.chart(symbol, body, self._now()),), {})

        params = {"range": "1d", "interval": "5m", "includePrePost": "false"}
        return self._ask([symbol], f"/v8/finance/chart/{quote(symbol, safe='')}", params, read)

    def _spark(self, symbols: Sequence[str]) -> Fetched:
        def read(body: bytes) -> Fetched:
            return yahoo_answers.spark(symbols, body, self._now(), self._instrument_currency)

        params = {"symbols": ",".join(symbols), "range": "1d", "interval": "5m"}
        return self._ask(symbols, "/v8/finance/spark", params, read)

    def _ask(
        self, symbols: Sequence[str], path: str, params: Mapping[str, str], read: Callable[[bytes], Fetched]
    ) -> Fetched:
        answer = self._client.get(path, params)
        try:
            yahoo_answers.check(answer)
            return read(answer.body)
        except ProviderError as error:
            if error.kind in SYMBOL_KINDS:
                return Fetched((), dict.fromkeys(symbols, error))
            raise
