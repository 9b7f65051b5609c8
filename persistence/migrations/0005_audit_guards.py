"""What the audit log lacked: its end is kept apart from it, and SQLite's REPLACE, which deletes unasked, is refused."""

from __future__ import annotations

from persistence.migrate import Dialect


def statements(types: Dialect) -> list[str]:
    kept = [
        "CREATE TABLE audit_head (id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1), number BIGINT NOT NULL, hash TEXT NOT NULL)",
        "INSERT INTO audit_head SELECT 1, number, hash FROM audit_log ORDER BY number DESC LIMIT 1",
    ]
    if not types.sqlite:
        return kept
    return [
        *kept,
        """
        CREATE TRIGGER audit_log_no_replace BEFORE INSERT ON audit_log
        WHEN EXISTS (SELECT 1 FROM audit_log WHERE number = NEW.number OR id = NEW.id)
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END""",
    ]
