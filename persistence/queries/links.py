"""Read-only links to one portfolio."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from persistence.database import writing
from persistence.errors import RowNotFound
from persistence.models import PortfolioLink
from persistence.queries.portfolios import get_portfolio
from persistence.records import Link, Page


def create_link(user_id: UUID, portfolio_id: UUID, digest: str, expires_at: datetime, now: datetime) -> Link:
    """Store a link to a portfolio of the user. Raises RowNotFound."""
    with writing():
        get_portfolio(user_id, portfolio_id)
        row = PortfolioLink.create(portfolio=portfolio_id, digest=digest, created_at=now, expires_at=expires_at)
        return _record(row)


def list_links(user_id: UUID, portfolio_id: UUID, limit: int, offset: int, now: datetime) -> Page[Link]:
    """A portfolio's links that have neither ended nor expired, newest first. Raises RowNotFound."""
    get_portfolio(user_id, portfolio_id)
    query = PortfolioLink.select().where(PortfolioLink.portfolio == portfolio_id, _is_good(now))
    rows = query.order_by(PortfolioLink.created_at.desc(), PortfolioLink.id).limit(limit).offset(offset)
    return Page(tuple(map(_record, rows)), query.count())


def delete_link(user_id: UUID, portfolio_id: UUID, link_id: UUID, now: datetime) -> None:
    """End a link. Raises RowNotFound when it has ended, or is none of this portfolio."""
    with writing():
        get_portfolio(user_id, portfolio_id)
        query = PortfolioLink.update(ended_at=now)
        if not query.where(
            PortfolioLink.id == link_id, PortfolioLink.portfolio == portfolio_id, _is_good(now)
        ).execute():
            raise RowNotFound(f"no link {link_id}")


def _is_good(now: datetime) -> Any:
    return PortfolioLink.ended_at.is_null() & (PortfolioLink.expires_at > now)


def _record(row: PortfolioLink) -> Link:
    return Link(row.id, row.portfolio_id, row.created_at, row.expires_at)
