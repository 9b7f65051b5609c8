"""How log lines look: text for people, or one JSON object a line for machines.

What may hold a secret never reaches a logger: errors of providers are redacted where they
are made, and requests are logged without their query.
"""

from __future__ import annotations

import logging
import sys
from datetime import UTC, datetime

import msgspec


class JsonLines(logging.Formatter):
    """One object a line: time, level, logger, message, thread, and the traceback where there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "thread": record.threadName,
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line).decode()


def configure(level: str, log_format: str) -> None:
    """Send all logging to standard error; standard output is for what a command answers."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        JsonLines() if log_format == "json" else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    least = logging.getLevelName(level)
    # These say every message and every request at their lower levels, some with headers and addresses.
    for chatty in ("urllib3", "asyncio", "peewee", "redis", "schedule"):
        logging.getLogger(chatty).setLevel(max(logging.INFO, least))
    # At INFO it gives a traceback for each answer that is an error: a page of log for a client's 404.
    logging.getLogger("pykka").setLevel(max(logging.WARNING, least))
