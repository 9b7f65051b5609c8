"""What is asked and answered about usage; sections that are lists are paged each by itself."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta

from market_actors.accounting.report import (
    DayUsage,
    KindUsage,
    PartyUsage,
    ProviderUsage,
    Summary,
    UsageReport,
)
from market_actors.domain.money import EXACT, plain
from market_actors.messages import ProviderQuota
from persistence.records import CallCounts
from web.admin_schemas import Text
from web.schemas import Answer, DecimalText, ListQuery, Moment, Request

MAX_OFFSET = 1_000_000_000


class UsageQuery(ListQuery, frozen=True):
    """The days *start_date* to *end_date* (UTC, both included): this month unless said otherwise."""

    start_date: date | None = None
    end_date: date | None = None
    provider: Text | None = None
    user_id: UUID | None = None
    portfolio_id: UUID | None = None


class UsageExportQuery(Request, frozen=True):
    """As for the report; without a limit the file holds all rows."""

    start_date: date | None = None
    end_date: date | None = None
    provider: Text | None = None
    user_id: UUID | None = None
    portfolio_id: UUID | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] | None = None
    offset: Annotated[int, Meta(ge=0, le=MAX_OFFSET)] = 0


class UsageSummary(Answer, frozen=True):
    """success_rate_today: 0 to 100; 100 without any call."""

    total_requests_today: int
    total_requests_this_month: int
    errors_today: int
    success_rate_today: float
    estimated_cost_this_month: DecimalText
    forecast_cost_this_month: DecimalText

    @classmethod
    def of(cls, summary: Summary) -> UsageSummary:
        return cls(
            total_requests_today=summary.requests_today,
            total_requests_this_month=summary.requests_this_month,
            errors_today=summary.errors_today,
            success_rate_today=round(summary.success_rate_today, 2),
            estimated_cost_this_month=shortest(summary.estimated_cost),
            forecast_cost_this_month=shortest(summary.forecast_cost),
        )


class UsageByProvider(Answer, frozen=True):
    """rate_limit_total: calls a day in the provider's own zone, whose midnight is quota_resets_at.

    exhausts_at: when they will be spent at the pace of the day so far; null when not before the reset.
    """

    provider_name: str
    requests_today: int
    requests_this_month: int
    errors_today: int
    rate_limit_remaining: int | None
    rate_limit_total: int | None
    last_request_at: Moment | None
    quota_resets_at: Moment | None
    exhausts_at: Moment | None

    @classmethod
    def of(cls, used: ProviderUsage) -> UsageByProvider:
        quota = used.quota if used.quota is not None and used.quota.limits is not None else None
        return cls(
            provider_name=used.name,
            requests_today=used.requests_today,
            requests_this_month=used.requests_this_month,
            errors_today=used.errors_today,
            rate_limit_remaining=quota.remaining if quota else None,
            rate_limit_total=quota.limits.per_day if quota and quota.limits else None,
            last_request_at=used.last_request_at,
            quota_resets_at=quota.resets_at if quota else None,
            exhausts_at=quota.exhausts_at if quota else None,
        )


class UsageByDate(Answer, frozen=True):
    """A call counts as successful until it has failed."""

    date: date
    total_requests: int
    successful_requests: int
    failed_requests: int
    unique_symbols: int
    cost: DecimalText

    @classmethod
    def of(cls, day: DayUsage) -> UsageByDate:
        return cls(
            date=day.day,
            total_requests=day.requests,
            successful_requests=day.requests - day.errors,
            failed_requests=day.errors,
            unique_symbols=day.symbols,
            cost=shortest(day.cost),
        )


class UsageByUser(Answer, frozen=True):
    """user_id is null of calls that served nobody."""

    user_id: UUID | None
    user_email: str | None
    requests: DecimalText
    cost: DecimalText

    @classmethod
    def of(cls, user: PartyUsage) -> UsageByUser:
        return cls(user_id=user.id, user_email=user.name, requests=shortest(user.requests), cost=shortest(user.cost))


class UsageByPortfolio(Answer, frozen=True):
    """portfolio_id is null of calls that served no portfolio."""

    portfolio_id: UUID | None
    portfolio_name: str | None
    requests: DecimalText
    cost: DecimalText

    @classmethod
    def of(cls, portfolio: PartyUsage) -> UsageByPortfolio:
        return cls(
            portfolio_id=portfolio.id,
            portfolio_name=portfolio.name,
            requests=shortest(portfolio.requests),
            cost=shortest(portfolio.cost),
        )


class UsageByType(Answer, frozen=True):
    type: Literal["scheduled", "manual", "probe"]
    requests: int
    errors: int
    cost: DecimalText

    @classmethod
    def of(cls, used: KindUsage) -> UsageByType:
        return cls(
            type=used.kind,  # type: ignore[arg-type]
            requests=used.requests,
            errors=used.errors,
            cost=shortest(used.cost),
        )


class CurrentUsage(Answer, frozen=True):
    """In the provider's day, in this hour (UTC), and within the last 60 s."""

    daily: int
    hourly: int
    minute: int


class RateLimits(Answer, frozen=True):
    """Null is what the provider does not limit; no provider limits the hour."""

    provider: str
    daily_limit: int | None
    hourly_limit: int | None
    minute_limit: int | None
    current_usage: CurrentUsage

    @classmethod
    def of(cls, name: str, quota: ProviderQuota | None, counts: CallCounts) -> RateLimits:
        limits = quota.limits if quota is not None else None
        return cls(
            provider=name,
            daily_limit=limits.per_day if limits else None,
            hourly_limit=None,
            minute_limit=limits.per_minute if limits else None,
            current_usage=CurrentUsage(daily=counts.daily, hourly=counts.hourly, minute=counts.minute),
        )


class UsageAnswer(Answer, frozen=True):
    """by_date, by_user, by_portfolio and by_type are of the period, and add up to the same calls and cost."""

    summary: UsageSummary
    by_provider: tuple[UsageByProvider, ...]
    by_date: tuple[UsageByDate, ...]
    by_user: tuple[UsageByUser, ...]
    by_portfolio: tuple[UsageByPortfolio, ...]
    by_type: tuple[UsageByType, ...]
    rate_limits: RateLimits
    last_updated: Moment

    @classmethod
    def of(
        cls, report: UsageReport, rate_limits: RateLimits, now: datetime, limit: int | None, offset: int
    ) -> UsageAnswer:
        """limit, offset: of each list that grows with time, users or portfolios; limit None: to its end."""
        page = slice(offset, None if limit is None else offset + limit)
        return cls(
            summary=UsageSummary.of(report.summary),
            by_provider=tuple(map(UsageByProvider.of, report.providers)),
            by_date=tuple(map(UsageByDate.of, report.days[page])),
            by_user=tuple(map(UsageByUser.of, report.users[page])),
            by_portfolio=tuple(map(UsageByPortfolio.of, report.portfolios[page])),
            by_type=tuple(map(UsageByType.of, report.kinds)),
            rate_limits=rate_limits,
            last_updated=now,
        )


def shortest(value: Decimal) -> str:
    """Return the digits without zeros at the end of the decimals."""
    text = plain(EXACT.create_decimal(value))
    return text.rstrip("0").rstrip(".") if "." in text else text
