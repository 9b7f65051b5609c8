"""Poll intervals: ordered, ended, and which counts from when to when."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from persistence.database import fetch, fetch_as, lock_until_commit, writing
from persistence.errors import RowGone, RowNotFound
from persistence.models import PollIntervalConfiguration as Interval
from persistence.queries import audit
from persistence.queries.targets import check_target
from persistence.records import IntervalSpan, Page, PollInterval

_SPAN = [getattr(Interval, name) for name in IntervalSpan.__slots__]


def create_poll_interval(
    config_type: str,
    target_id: UUID | None,
    interval_minutes: int,
    effective_from: datetime | None,
    effective_until: datetime | None,
    actor: str,
    reason: str,
    now: datetime,
) -> PollInterval:
    """Order an interval; the target's one before ends when it begins. Raises RowNotFound without such a target."""
    with writing():
        lock_until_commit(audit.LOCK)
        check_target(config_type, target_id)
        before = _in_force(config_type, target_id, now)
        row = Interval.create(
            id=uuid4(),
            config_type=config_type,
            target_id=target_id,
            interval_minutes=interval_minutes,
            reason=reason,
            created_by=actor,
            created_at=now,
            effective_from=effective_from or now,
            effective_until=effective_until,
            begins_at=max(effective_from or now, now),
            ends_at=effective_until,
        )
        _end_predecessors(config_type, target_id, now)
        after = get_poll_interval(row.id, now)
        _note(actor, "poll_interval.create", reason, before, after, now)
        return after


def get_poll_interval(interval_id: UUID, now: datetime) -> PollInterval:
    """Raises RowNotFound."""
    row = Interval.get_or_none(Interval.id == interval_id)
    if row is None:
        raise RowNotFound(f"no poll interval {interval_id}")
    return _record(row, now)


def list_poll_intervals(
    active: bool | None, config_type: str | None, target_id: UUID | None, limit: int, offset: int, now: datetime
) -> Page[PollInterval]:
    """Intervals, newest first; active: whether they count now."""
    query = Interval.select()
    if active is not None:
        query = query.where(_counts(now) if active else ~_counts(now))
    if config_type is not None:
        query = query.where(Interval.config_type == config_type)
    if target_id is not None:
        query = query.where(Interval.target_id == target_id)
    rows = query.order_by(Interval.created_at.desc(), Interval.id).limit(limit).offset(offset)
    return Page(tuple(_record(row, now) for row in rows), query.count())


def expire_poll_interval(interval_id: UUID, actor: str, reason: str | None, now: datetime) -> PollInterval:
    """End an interval, or one that has not begun; what it was to end then goes on.

    Raises RowNotFound, RowGone when it has ended.
    """
    with writing():
        lock_until_commit(audit.LOCK)
        before = get_poll_interval(interval_id, now)
        if before.expired_at is not None:
            raise RowGone(f"poll interval {interval_id} has ended")
        Interval.update(ends_at=now).where(Interval.id == interval_id).execute()
        _end_predecessors(before.config_type, before.target_id, now)
        after = get_poll_interval(interval_id, now)
        _note(actor, "poll_interval.expire", reason, before, after, now)
        return after


def load_spans(now: datetime) -> tuple[IntervalSpan, ...]:
    """Intervals that count or will count, in the order in which they begin."""
    query = Interval.select(*_SPAN).where(_is_not_over(now))
    return fetch_as(IntervalSpan, query.order_by(Interval.begins_at, Interval.created_at))


def _end_predecessors(config_type: str, target_id: UUID | None, now: datetime) -> None:
    """Let each of a target's intervals that are not over end when the next begins, or before by its own end."""
    columns = Interval.select(Interval.id, Interval.begins_at, Interval.effective_until)
    query = columns.where(_is_of(config_type, target_id), _is_not_over(now))
    rows = fetch(query.order_by(Interval.begins_at, Interval.created_at))
    for place, (key, _, effective_until) in enumerate(rows, 1):
        begins_next = rows[place][1] if place < len(rows) else None
        ends = [moment for moment in (effective_until, begins_next) if moment is not None]
        Interval.update(ends_at=min(ends, default=None)).where(Interval.id == key).execute()


def _in_force(config_type: str, target_id: UUID | None, now: datetime) -> PollInterval | None:
    row = Interval.get_or_none(_is_of(config_type, target_id), _counts(now))
    return _record(row, now) if row else None


def _is_of(config_type: str, target_id: UUID | None) -> Any:
    same = Interval.target_id.is_null() if target_id is None else Interval.target_id == target_id
    return (Interval.config_type == config_type) & same


def _is_not_over(now: datetime) -> Any:
    return Interval.ends_at.is_null() | (Interval.ends_at > now)


def _counts(now: datetime) -> Any:
    return (Interval.begins_at <= now) & _is_not_over(now)


def _note(
    actor: str, action: str, reason: str | None, before: PollInterval | None, after: PollInterval, now: datetime
) -> None:
    was = asdict(before) if before else None
    audit.append_audit(actor, action, "poll_interval", after.id, reason, was, asdict(after), now)


def _record(row: Interval, now: datetime) -> PollInterval:
    is_over = row.ends_at is not None and row.ends_at <= now
    return PollInterval(
        row.id,
        row.config_type,
        row.target_id,
        row.interval_minutes,
        row.begins_at <= now and not is_over,
        row.reason,
        row.created_by,
        row.created_at,
        row.effective_from,
        row.effective_until,
        row.ends_at if is_over else None,
    )
