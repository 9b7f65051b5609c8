"""What can be set, and to what when nobody does.

The fields of :class:`Settings` are all there is: their names in capitals behind MARKET_ are the
environment's keys, in lower case the keys of a file; see market_actors.commands.configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Annotated, Literal, get_type_hints

from msgspec import Meta

PREFIX = "MARKET_"
SIMULATED = "simulated"

Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Price = Annotated[Decimal | None, Meta(description="what it charges for a call")]
Plan = Annotated[Decimal | None, Meta(description="what its plan costs a month; spread over the days of the month")]
Seconds = Annotated[int, Meta(ge=1, le=31_536_000)]


@dataclass(frozen=True)
class Settings:
    """All settings of a server. What may hold a secret is kept out of repr()."""

    port: Annotated[int, Meta(ge=0, le=65535, description="TCP port to listen on; 0 picks a free one")] = 8888
    address: Annotated[str, Meta(description="address to listen on")] = "127.0.0.1"
    database_url: Annotated[
        str, Meta(description="`sqlite:///file`, four slashes for an absolute path, or `postgresql://…`")
    ] = field(default="sqlite:///market.db", repr=False)
    redis_url: Annotated[str | None, Meta(description="`redis://…`: a warm start and cheap reads; never needed")] = (
        field(default=None, repr=False)
    )
    secret_file: Annotated[
        str, Meta(description="file with the secret that signs cookies; made at the first start")
    ] = "market.secret"
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR"], Meta(description="what is logged")] = "INFO"
    log_format: Annotated[Literal["text", "json"], Meta(description="`text`, or `json`: one object a line")] = "text"

    providers: Annotated[
        tuple[str, ...],
        Meta(
            description="price sources in the order they are tried, by commas: `yahoo,alpha_vantage`; "
            "without it those whose key or address is set, or else the simulated feed"
        ),
    ] = (SIMULATED,)
    alpha_vantage_api_key: Annotated[str | None, Meta(description="key of Alpha Vantage")] = field(
        default=None, repr=False
    )
    alpha_vantage_url: Annotated[str, Meta(description="where Alpha Vantage answers")] = "https://www.alphavantage.co"
    alpha_vantage_calls_per_day: Annotated[Count, Meta(description="its daily quota")] = 25
    alpha_vantage_calls_per_minute: Annotated[Count, Meta(description="its quota a minute")] = 5
    alpha_vantage_calls_per_second: Annotated[Count, Meta(description="its quota a second")] = 1
    alpha_vantage_calls_per_month: Annotated[
        Count | None, Meta(description="its quota a month, which begins in its zone")
    ] = None
    alpha_vantage_reset_timezone: Annotated[str, Meta(description="whose midnight begins its day")] = "America/New_York"
    alpha_vantage_cost_per_call: Price = None
    alpha_vantage_monthly_cost: Plan = None
    yahoo_url: Annotated[str, Meta(description="where Yahoo Finance answers")] = "https://query1.finance.yahoo.com"
    yahoo_calls_per_day: Annotated[Count, Meta(description="its daily quota")] = 2000
    yahoo_calls_per_minute: Annotated[Count, Meta(description="its quota a minute")] = 60
    yahoo_calls_per_second: Annotated[Count, Meta(description="its quota a second")] = 2
    yahoo_calls_per_month: Annotated[Count | None, Meta(description="its quota a month, which begins in its zone")] = (
        None
    )
    yahoo_reset_timezone: Annotated[str, Meta(description="whose midnight begins its day")] = "UTC"
    yahoo_cost_per_call: Price = None
    yahoo_monthly_cost: Plan = None
    yahoo_batch_size: Annotated[int, Meta(ge=1, le=20, description="symbols in one call")] = 1
    provider_timeout_seconds: Annotated[
        int, Meta(ge=1, le=120, description="longest time a call to a provider may take, all in all")
    ] = 10
    breaker_failures: Annotated[
        int, Meta(ge=1, le=1000, description="failures in a row after which a provider is left alone")
    ] = 5
    breaker_seconds: Annotated[int, Meta(ge=1, le=900, description="for how long at first; doubling to 15 minutes")] = (
        60
    )

    default_exchange: Annotated[str, Meta(description="exchange that `market_status` describes")] = "XASX"
    open_interval_seconds: Annotated[Seconds, Meta(description="between polls while a symbol's exchange is open")] = 900
    after_hours_interval_seconds: Annotated[
        Seconds, Meta(description="between polls before the open and after the close of a trading day")
    ] = 3600
    closed_interval_seconds: Annotated[Seconds, Meta(description="between polls at weekends and on holidays")] = 86400
    refresh_cooldown_seconds: Annotated[
        Seconds, Meta(description="between two refreshes asked for by the same caller")
    ] = 60
    stale_seconds: Annotated[
        Seconds,
        Meta(description="age, beyond its source's delay, at which a price is stale while its exchange is open"),
    ] = 1800
    jump_limit: Annotated[
        Decimal, Meta(description="share by which a price may move at once before it is held back")
    ] = Decimal("0.5")

    heartbeat_seconds: Annotated[int, Meta(ge=1, le=3600, description="between two heartbeats of a stream")] = 30
    streams_per_user: Annotated[Count, Meta(description="open streams a user may have")] = 50
    history_hours: Annotated[Count, Meta(description="how long an event can be resumed from")] = 24
    history_events: Annotated[Count, Meta(description="how many events can be resumed from")] = 100_000
    api_rate_limit: Annotated[Count, Meta(description="requests a minute and credential")] = 600
    cors_origins: Annotated[
        tuple[str, ...], Meta(description="origins allowed to read answers, by commas; the default ends with its own")
    ] = ("http://localhost:3000", "http://127.0.0.1:8888")
    trusted_proxies: Annotated[
        tuple[str, ...], Meta(description="addresses or networks whose X-Forwarded-For is believed, by commas")
    ] = ()

    @property
    def origin(self) -> str:
        """Where a browser finds the server, when it listens on *address* and *port*."""
        return f"http://{f'[{self.address}]' if ':' in self.address else self.address}:{self.port}"

    def bound_to(self, port: int) -> Settings:
        """Return the settings with the port that was picked, in the server's own origin too."""
        bound = replace(self, port=port)
        origins = tuple(bound.origin if origin == self.origin else origin for origin in self.cors_origins)
        return replace(bound, cors_origins=origins)


TYPES = get_type_hints(Settings, include_extras=True)


def environment_key(name: str) -> str:
    return PREFIX + name.upper()


def _documented(name: str) -> str:
    hints = [part.description for part in TYPES[name].__metadata__ if isinstance(part, Meta) and part.description]
    return hints[-1]


DOCS: Mapping[str, tuple[str, str]] = {
    environment_key(entry.name): (
        ",".join(entry.default) if isinstance(entry.default, tuple) else str(entry.default or ""),
        _documented(entry.name),
    )
    for entry in fields(Settings)
}
"""Default and meaning of every setting, by the environment's name, in the order of the README."""
