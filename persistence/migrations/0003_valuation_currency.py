"""The currency of each recorded value: those made before are taken to be in the portfolio's present one."""

from __future__ import annotations

from persistence.migrate import Dialect


def statements(_types: Dialect) -> list[str]:
    return [
        "ALTER TABLE portfolio_valuation ADD COLUMN currency TEXT NOT NULL DEFAULT ''",
        """
        UPDATE portfolio_valuation SET currency = (
            SELECT base_currency FROM portfolio WHERE portfolio.id = portfolio_valuation.portfolio_id
        )""",
    ]
