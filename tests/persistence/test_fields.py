"""Decimals and times come back as they went in, on both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest
from peewee import Database, IntegrityError, Model

from persistence.models import BaseModel, Holding, Portfolio
from persistence.records import Portfolio as PortfolioRecord
from tests.persistence.samples import DAY, NOW


def hold(portfolio_id: UUID, **values: object) -> Holding:
    row = {"symbol": "A", "quantity": Decimal(1), "average_cost": Decimal(0), "currency": "AUD", "updated_at": NOW}
    Holding.insert(portfolio=portfolio_id, **(row | values)).execute()
    return Holding.get(Holding.portfolio == portfolio_id)


@pytest.mark.parametrize(
    "written",
    ["123.4500", "0.000000000001", "1", "1.0", "9999999999999999.999999999999", "1234567890123456789012345678"],
)
def test_a_decimal_keeps_every_digit_it_was_given(portfolio: PortfolioRecord, written: str) -> None:
    assert format(hold(portfolio.id, quantity=Decimal(written)).quantity, "f") == written


def test_a_decimal_in_scientific_notation_is_kept_in_digits(portfolio: PortfolioRecord) -> None:
    assert str(hold(portfolio.id, quantity=Decimal("1.5E+3")).quantity) == "1500"


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_a_decimal_that_is_no_number_is_refused(portfolio: PortfolioRecord, value: str) -> None:
    with pytest.raises(ValueError, match="finite"):
        hold(portfolio.id, quantity=Decimal(value))


@pytest.mark.parametrize(("column", "value"), [("quantity", "0"), ("quantity", "-1"), ("average_cost", "-0.01")])
def test_the_database_itself_refuses_impossible_amounts(portfolio: PortfolioRecord, column: str, value: str) -> None:
    with pytest.raises(IntegrityError):
        hold(portfolio.id, **{column: Decimal(value)})


def test_a_time_comes_back_in_utc_whatever_its_offset_was(portfolio: PortfolioRecord) -> None:
    sydney = timezone(timedelta(hours=11))

    kept = hold(portfolio.id, updated_at=NOW.astimezone(sydney)).updated_at

    assert kept == NOW
    assert kept.tzinfo is UTC or kept.utcoffset() == timedelta(0)


def test_a_time_without_an_offset_is_refused(portfolio: PortfolioRecord) -> None:
    with pytest.raises(ValueError, match="offset"):
        hold(portfolio.id, updated_at=datetime(2026, 1, 1))


@pytest.mark.parametrize("microsecond", [0, 1, 123456, 999999])
def test_times_compare_as_times_with_and_without_microseconds(portfolio: PortfolioRecord, microsecond: int) -> None:
    moment = NOW.replace(microsecond=microsecond)
    hold(portfolio.id, updated_at=moment)

    assert Holding.select().where(Holding.updated_at == moment).count() == 1
    assert Holding.select().where(Holding.updated_at < moment + timedelta(microseconds=1)).count() == 1
    assert Holding.select().where(Holding.updated_at > moment).count() == 0
    assert Portfolio.select().where(Portfolio.created_at < NOW + DAY).count() == 1


def subclasses(model: type[Model]) -> list[type[Model]]:
    return [found for child in model.__subclasses__() for found in (child, *subclasses(child))]


def test_the_models_are_what_the_migrations_made(database: Database) -> None:
    for model in subclasses(BaseModel):
        if not model._meta.sorted_fields or model.__name__ == "IdentifiedModel":
            continue
        expected = {(field.column_name, bool(field.null)) for field in model._meta.sorted_fields}
        found = {(column.name, column.null) for column in database.get_columns(model._meta.table_name)}
        assert found == expected, model.__name__
