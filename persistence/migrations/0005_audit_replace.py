"""SQLite's REPLACE deletes without asking the trigger that refuses deletions: entries cannot be replaced either."""

from __future__ import annotations

from persistence.migrate import Dialect


def statements(types: Dialect) -> list[str]:
    if not types.sqlite:
        return []
    return [
        """
        CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
        WHEN EXISTS (SELECT 1 FROM audit_log WHERE number = NEW.number OR id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
    ]
