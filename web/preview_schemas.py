"""Answer types of the previews."""

from __future__ import annotations

from market_actors.domain.money import plain
from market_actors.domain.outlook import Preview
from web.schemas import Answer, DecimalText, Moment


class CallsChange(Answer, frozen=True):
    """Calls that are wanted of providers in the coming 24 hours, packed in batches, whatever the quotas are."""

    before: int
    after: int


class ExhaustionChange(Answer, frozen=True):
    """When, at that pace, the first provider's quota of a day is spent, so far as scheduled polls may use it.

    It is null when each is full again before, and when no calls are wanted.
    """

    before: Moment | None
    after: Moment | None


class AgeChange(Answer, frozen=True):
    """Mean seconds since the last poll, each tracked symbol counting the same, while its exchange is open.

    When no exchange is open in the coming 24 hours, all hours count. When the quotas are spent, prices only grow
    older. It is null when nothing is tracked.
    """

    before: int | None
    after: int | None


class CostChange(Answer, frozen=True):
    """What 30 days like the coming 24 hours cost: calls within the quotas by their price, or the monthly plans."""

    before: DecimalText
    after: DecimalText


class AffectedAnswer(Answer, frozen=True):
    """How many have another interval or price in force, or a provider to ask or none, at some time of these hours."""

    users: int
    portfolios: int
    symbols: int


class PreviewAnswer(Answer, frozen=True):
    """The coming 24 hours as the rules are, and as they would be. Every symbol counts as polled at their beginning."""

    calls_per_day: CallsChange
    quota_exhausted_at: ExhaustionChange
    expected_age_seconds: AgeChange
    cost_per_month: CostChange
    affected: AffectedAnswer

    @classmethod
    def of(cls, preview: Preview) -> PreviewAnswer:
        was, will_be, affected = preview.before, preview.after, preview.affected
        return cls(
            calls_per_day=CallsChange(before=was.calls_per_day, after=will_be.calls_per_day),
            quota_exhausted_at=ExhaustionChange(before=was.quota_exhausted_at, after=will_be.quota_exhausted_at),
            expected_age_seconds=AgeChange(
                before=_whole(was.expected_age_seconds), after=_whole(will_be.expected_age_seconds)
            ),
            cost_per_month=CostChange(before=plain(was.cost_per_month), after=plain(will_be.cost_per_month)),
            affected=AffectedAnswer(users=affected.users, portfolios=affected.portfolios, symbols=affected.symbols),
        )


def _whole(seconds: float | None) -> int | None:
    return None if seconds is None else round(seconds)
