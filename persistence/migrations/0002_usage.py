"""Whom calls served, and roll-ups of them by hour, day and month; of the calls made before nobody is known."""

from __future__ import annotations

from persistence.migrate import Dialect

NOBODY = "0" * 32  # a UUID, as SQLite keeps it; PostgreSQL reads it so, too


def statements(types: Dialect) -> list[str]:
    return [*_audiences(types), *_rollups(types), *_calls_made_before(types)]


def _audiences(t: Dialect) -> list[str]:
    return [
        f"CREATE TABLE usage_audience (id {t.uuid} PRIMARY KEY NOT NULL)",
        f"""
        CREATE TABLE usage_share (
            audience_id {t.uuid} NOT NULL REFERENCES usage_audience (id),
            position INTEGER NOT NULL,
            user_id {t.uuid},
            portfolio_id {t.uuid},
            units BIGINT NOT NULL CHECK (units > 0),
            PRIMARY KEY (audience_id, position)
        )""",
        "CREATE INDEX usage_share_user_id ON usage_share (user_id)",
        "CREATE INDEX usage_share_portfolio_id ON usage_share (portfolio_id)",
        f"CREATE TABLE usage_name (id {t.uuid} PRIMARY KEY NOT NULL, name TEXT NOT NULL)",
        f"INSERT INTO usage_audience VALUES ('{NOBODY}')",
        f"INSERT INTO usage_share VALUES ('{NOBODY}', 0, NULL, NULL, 1000000000000)",
    ]


def _rollups(t: Dialect) -> list[str]:
    return [
        f"""
        CREATE TABLE api_usage_rollup (
            period TEXT NOT NULL CHECK (period IN ('hour', 'day', 'month')),
            starts_at {t.time} NOT NULL,
            provider TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('scheduled', 'manual', 'probe')),
            price {t.decimal} NOT NULL CHECK (CAST(price AS NUMERIC) >= 0),
            audience_id {t.uuid} NOT NULL REFERENCES usage_audience (id),
            requests BIGINT NOT NULL CHECK (requests >= 0),
            errors BIGINT NOT NULL CHECK (errors >= 0),
            PRIMARY KEY (period, starts_at, provider, kind, price, audience_id)
        )""",
        f"""
        CREATE TABLE api_usage_symbol (
            day {t.time} NOT NULL,
            provider TEXT NOT NULL,
            audience_id {t.uuid} NOT NULL REFERENCES usage_audience (id),
            symbol TEXT NOT NULL,
            PRIMARY KEY (day, provider, audience_id, symbol)
        )""",
        f"""
        CREATE TABLE api_usage_plan (
            provider TEXT NOT NULL,
            month {t.time} NOT NULL,
            cost {t.decimal} NOT NULL CHECK (CAST(cost AS NUMERIC) >= 0),
            PRIMARY KEY (provider, month)
        )""",
    ]


def _calls_made_before(t: Dialect) -> list[str]:
    symbols = "json_each(symbols)" if t.sqlite else "jsonb_array_elements_text(symbols::jsonb) AS asked (value)"
    return [
        f"""
        ALTER TABLE api_usage_metrics ADD COLUMN audience_id {t.uuid} NOT NULL DEFAULT '{NOBODY}'""",
        "CREATE INDEX api_usage_metrics_under_way ON api_usage_metrics (reserved_at) WHERE outcome IS NULL",
        *(
            f"""
            INSERT INTO api_usage_rollup
            SELECT '{period}', {_begin(t, period)}, provider, kind, {_price(t)}, '{NOBODY}', count(*),
                sum(CASE WHEN outcome <> 'ok' THEN 1 ELSE 0 END)
            FROM api_usage_metrics GROUP BY 1, 2, 3, 4, 5"""
            for period in ("hour", "day", "month")
        ),
        f"""
        INSERT INTO api_usage_symbol
        SELECT DISTINCT {_begin(t, "day")}, provider, CAST('{NOBODY}' AS {t.uuid}), value
        FROM api_usage_metrics, {symbols}""",
    ]


def _price(t: Dialect) -> str:
    return "coalesce(cost, '0')" if t.sqlite else "coalesce(cost, 0)"


def _begin(t: Dialect, period: str) -> str:
    """Return the SQL for when the hour, day or month began in which a call was reserved."""
    if not t.sqlite:
        return f"date_trunc('{period}', reserved_at, 'UTC')"
    length, rest = {
        "hour": (13, ":00:00.000000Z"),
        "day": (10, "T00:00:00.000000Z"),
        "month": (7, "-01T00:00:00.000000Z"),
    }[period]
    return f"substr(reserved_at, 1, {length}) || '{rest}'"
