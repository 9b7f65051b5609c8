"""Usage as CSV: one header, one row an entry of a section; the columns that a section does not have are empty.

The columns are the fields of the interface; those of current_usage have its name before them. A text that a
spreadsheet could take for a formula has an apostrophe before it.
"""

from __future__ import annotations

import csv
import io
import re
from typing import Any

import msgspec

from web.usage_schemas import (
    RateLimits,
    UsageAnswer,
    UsageByDate,
    UsageByPortfolio,
    UsageByProvider,
    UsageByType,
    UsageByUser,
    UsageSummary,
)

SECTIONS: dict[str, type[msgspec.Struct]] = {
    "summary": UsageSummary,
    "by_provider": UsageByProvider,
    "by_date": UsageByDate,
    "by_user": UsageByUser,
    "by_portfolio": UsageByPortfolio,
    "by_type": UsageByType,
    "rate_limits": RateLimits,
}
CURRENT = "current_usage"
COLUMNS = tuple(
    dict.fromkeys(
        [
            "section",
            *(field for kind in SECTIONS.values() for field in kind.__struct_fields__ if field != CURRENT),
            *(f"{CURRENT}_{window}" for window in ("daily", "hourly", "minute")),
            "last_updated",
        ]
    )
)

_FORMULA = re.compile(r"(^|[;,\t\r\n|])((?:[^\S\t\r\n]|[\"'])*)([=+\-@\uff1d\uff0b\uff0d\uff20])")


def write_usage(answer: UsageAnswer) -> str:
    """Return all sections as CSV; last_updated stands with the summary."""
    built = msgspec.to_builtins(answer)
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for section in SECTIONS:
        entries = built[section] if isinstance(built[section], (list, tuple)) else [built[section]]
        for entry in entries:
            writer.writerow({"section": section, **_cells(entry)} | _updated(section, built))
    return out.getvalue()


def _cells(entry: dict[str, Any]) -> dict[str, Any]:
    current = entry.pop(CURRENT, {})
    flat = entry | {f"{CURRENT}_{window}": count for window, count in current.items()}
    return {name: harmless(value) if isinstance(value, str) else value for name, value in flat.items()}


def _updated(section: str, built: dict[str, Any]) -> dict[str, Any]:
    return {"last_updated": built["last_updated"]} if section == "summary" else {}


def harmless(text: str) -> str:
    """Return a text of which no spreadsheet makes a formula, also where it divides cells at other characters."""
    return _FORMULA.sub(r"\1'\2\3", text)
