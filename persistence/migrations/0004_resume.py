"""What a stream needs to be resumed: how a price stood when it was published, and when it was kept.

Rows of before have none of it and cannot be resumed from.
"""

from __future__ import annotations

from persistence.migrate import Dialect


def statements(types: Dialect) -> list[str]:
    return [
        "ALTER TABLE instrument ADD COLUMN market_status TEXT",
        "ALTER TABLE instrument ADD COLUMN stale_reason TEXT",
        "ALTER TABLE realtime_price_history ADD COLUMN market_status TEXT",
        "ALTER TABLE realtime_price_history ADD COLUMN stale_reason TEXT",
        f"ALTER TABLE realtime_price_history ADD COLUMN is_restated {types.bool} NOT NULL DEFAULT FALSE",
        f"ALTER TABLE realtime_price_history ADD COLUMN recorded_at {types.time}",
    ]
