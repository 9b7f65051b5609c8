"""All tables of the first version: accounts, portfolios, prices, administration and the audit log.

Decimals are text on SQLite, hence the casts in their checks.
"""

from __future__ import annotations

from persistence.migrate import Dialect


def statements(types: Dialect) -> list[str]:
    return [*_accounts(types), *_portfolios(types), *_market(types), *_administration(types), *_audit(types)]


def _accounts(t: Dialect) -> list[str]:
    return [
        f"""
        CREATE TABLE user_account (
            id {t.uuid} PRIMARY KEY NOT NULL,
            email TEXT NOT NULL,
            email_key TEXT NOT NULL UNIQUE,
            password_hash TEXT,
            role TEXT NOT NULL CHECK (role IN ('user', 'admin')),
            is_active {t.bool} NOT NULL,
            created_at {t.time} NOT NULL,
            last_sign_in_at {t.time},
            rights_changed_at {t.time}
        )""",
        "CREATE INDEX user_account_created_at ON user_account (created_at)",
        """
        CREATE INDEX user_account_rights_changed_at ON user_account (rights_changed_at)
        WHERE rights_changed_at IS NOT NULL""",
        f"""
        CREATE TABLE access_token (
            id {t.uuid} PRIMARY KEY NOT NULL,
            user_id {t.uuid} NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
            name TEXT NOT NULL,
            scope TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
            digest TEXT NOT NULL UNIQUE,
            created_at {t.time} NOT NULL,
            expires_at {t.time},
            revoked_at {t.time}
        )""",
        "CREATE INDEX access_token_user_id ON access_token (user_id, created_at)",
        "CREATE INDEX access_token_revoked_at ON access_token (revoked_at) WHERE revoked_at IS NOT NULL",
        f"""
        CREATE TABLE cookie_session (
            id {t.uuid} PRIMARY KEY NOT NULL,
            user_id {t.uuid} NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
            digest TEXT NOT NULL UNIQUE,
            ip_address TEXT NOT NULL,
            user_agent TEXT NOT NULL,
            created_at {t.time} NOT NULL,
            expires_at {t.time} NOT NULL,
            ended_at {t.time}
        )""",
        "CREATE INDEX cookie_session_user_id ON cookie_session (user_id)",
        "CREATE INDEX cookie_session_expires_at ON cookie_session (expires_at)",
        "CREATE INDEX cookie_session_ended_at ON cookie_session (ended_at) WHERE ended_at IS NOT NULL",
        f"""
        CREATE TABLE stream_ticket (
            id {t.uuid} PRIMARY KEY NOT NULL,
            digest TEXT NOT NULL UNIQUE,
            token_id {t.uuid} REFERENCES access_token (id) ON DELETE CASCADE,
            session_id {t.uuid} REFERENCES cookie_session (id) ON DELETE CASCADE,
            created_at {t.time} NOT NULL,
            expires_at {t.time} NOT NULL,
            CHECK ((token_id IS NULL) <> (session_id IS NULL))
        )""",
        "CREATE INDEX stream_ticket_token_id ON stream_ticket (token_id)",
        "CREATE INDEX stream_ticket_session_id ON stream_ticket (session_id)",
        f"""
        CREATE TABLE sign_in_link (
            id {t.uuid} PRIMARY KEY NOT NULL,
            purpose TEXT NOT NULL CHECK (purpose IN ('setup', 'user')),
            user_id {t.uuid} REFERENCES user_account (id) ON DELETE CASCADE,
            digest TEXT NOT NULL UNIQUE,
            created_at {t.time} NOT NULL,
            expires_at {t.time} NOT NULL,
            CHECK ((purpose = 'user') = (user_id IS NOT NULL))
        )""",
        "CREATE INDEX sign_in_link_user_id ON sign_in_link (user_id)",
    ]


def _portfolios(t: Dialect) -> list[str]:
    return [
        f"""
        CREATE TABLE portfolio (
            id {t.uuid} PRIMARY KEY NOT NULL,
            user_id {t.uuid} NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
            name TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
            base_currency TEXT NOT NULL CHECK (length(base_currency) = 3),
            version INTEGER NOT NULL CHECK (version > 0),
            created_at {t.time} NOT NULL,
            updated_at {t.time} NOT NULL
        )""",
        "CREATE INDEX portfolio_user_id ON portfolio (user_id, created_at)",
        "CREATE INDEX portfolio_updated_at ON portfolio (updated_at)",
        f"""
        CREATE TABLE holding (
            portfolio_id {t.uuid} NOT NULL REFERENCES portfolio (id) ON DELETE CASCADE,
            symbol TEXT NOT NULL,
            quantity {t.decimal} NOT NULL CHECK (CAST(quantity AS NUMERIC) > 0),
            average_cost {t.decimal} NOT NULL CHECK (CAST(average_cost AS NUMERIC) >= 0),
            currency TEXT NOT NULL CHECK (length(currency) = 3),
            updated_at {t.time} NOT NULL,
            PRIMARY KEY (portfolio_id, symbol)
        )""",
        "CREATE INDEX holding_symbol ON holding (symbol)",
        f"""
        CREATE TABLE portfolio_link (
            id {t.uuid} PRIMARY KEY NOT NULL,
            portfolio_id {t.uuid} NOT NULL REFERENCES portfolio (id) ON DELETE CASCADE,
            digest TEXT NOT NULL UNIQUE,
            created_at {t.time} NOT NULL,
            expires_at {t.time} NOT NULL,
            ended_at {t.time}
        )""",
        "CREATE INDEX portfolio_link_portfolio_id ON portfolio_link (portfolio_id, created_at)",
        "CREATE INDEX portfolio_link_ended_at ON portfolio_link (ended_at) WHERE ended_at IS NOT NULL",
        f"""
        CREATE TABLE portfolio_valuation (
            portfolio_id {t.uuid} NOT NULL REFERENCES portfolio (id) ON DELETE CASCADE,
            timestamp {t.time} NOT NULL,
            total_value {t.decimal} NOT NULL,
            total_cost_basis {t.decimal} NOT NULL,
            daily_change {t.decimal},
            PRIMARY KEY (portfolio_id, timestamp)
        )""",
    ]


def _market(t: Dialect) -> list[str]:
    return [
        f"""
        CREATE TABLE instrument (
            symbol TEXT PRIMARY KEY NOT NULL,
            name TEXT,
            exchange TEXT NOT NULL,
            currency TEXT NOT NULL CHECK (length(currency) = 3),
            price {t.decimal} NOT NULL CHECK (CAST(price AS NUMERIC) > 0),
            previous_close {t.decimal},
            volume BIGINT,
            provider TEXT NOT NULL,
            source TEXT NOT NULL,
            quote_time {t.time} NOT NULL,
            received_at {t.time} NOT NULL,
            delay_seconds INTEGER NOT NULL CHECK (delay_seconds >= 0),
            end_of_day {t.bool} NOT NULL,
            confirmation TEXT NOT NULL CHECK (confirmation IN ('intraday', 'provisional', 'confirmed')),
            is_market_hours {t.bool} NOT NULL,
            epoch BIGINT NOT NULL,
            number BIGINT NOT NULL
        )""",
        f"""
        CREATE TABLE realtime_price_history (
            epoch BIGINT NOT NULL,
            number BIGINT NOT NULL,
            symbol TEXT NOT NULL REFERENCES instrument (symbol) ON DELETE CASCADE,
            timestamp {t.time} NOT NULL,
            received_at {t.time} NOT NULL,
            price {t.decimal} NOT NULL CHECK (CAST(price AS NUMERIC) > 0),
            previous_close {t.decimal},
            currency TEXT NOT NULL,
            volume BIGINT,
            provider TEXT NOT NULL,
            source TEXT NOT NULL,
            confirmation TEXT NOT NULL,
            is_market_hours {t.bool} NOT NULL,
            PRIMARY KEY (epoch, number)
        )""",
        "CREATE INDEX realtime_price_history_symbol ON realtime_price_history (symbol, timestamp, epoch, number)",
        "CREATE INDEX realtime_price_history_timestamp ON realtime_price_history (timestamp)",
        f"CREATE TABLE stream_epoch (epoch BIGINT PRIMARY KEY NOT NULL, started_at {t.time} NOT NULL)",
        f"""
        CREATE TABLE price_update_schedule (
            symbol TEXT PRIMARY KEY NOT NULL,
            provider TEXT,
            last_poll_at {t.time},
            next_poll_at {t.time} NOT NULL,
            interval_seconds INTEGER NOT NULL CHECK (interval_seconds > 0),
            failures INTEGER NOT NULL CHECK (failures >= 0)
        )""",
        f"""
        CREATE TABLE sse_connection (
            id {t.uuid} PRIMARY KEY NOT NULL,
            user_id {t.uuid} NOT NULL REFERENCES user_account (id) ON DELETE CASCADE,
            ip_address TEXT NOT NULL,
            user_agent TEXT NOT NULL,
            connected_at {t.time} NOT NULL,
            last_heartbeat {t.time} NOT NULL,
            portfolio_ids TEXT NOT NULL,
            symbols TEXT NOT NULL,
            events_sent BIGINT NOT NULL CHECK (events_sent >= 0),
            bytes_sent BIGINT NOT NULL CHECK (bytes_sent >= 0),
            conflated_events BIGINT NOT NULL CHECK (conflated_events >= 0),
            node TEXT NOT NULL,
            closed_at {t.time}
        )""",
        "CREATE INDEX sse_connection_user_id ON sse_connection (user_id)",
        "CREATE INDEX sse_connection_open ON sse_connection (node, connected_at) WHERE closed_at IS NULL",
        "CREATE INDEX sse_connection_closed_at ON sse_connection (closed_at) WHERE closed_at IS NOT NULL",
    ]


def _administration(t: Dialect) -> list[str]:
    return [
        f"""
        CREATE TABLE market_data_provider (
            name TEXT PRIMARY KEY NOT NULL,
            enabled {t.bool} NOT NULL,
            priority INTEGER,
            calls_per_second INTEGER CHECK (calls_per_second > 0),
            calls_per_minute INTEGER CHECK (calls_per_minute > 0),
            calls_per_day INTEGER CHECK (calls_per_day >= 0),
            reset_timezone TEXT,
            cost_per_call {t.decimal} CHECK (CAST(cost_per_call AS NUMERIC) >= 0),
            monthly_cost {t.decimal} CHECK (CAST(monthly_cost AS NUMERIC) >= 0),
            status TEXT NOT NULL CHECK (status IN ('active', 'rate_limited', 'error', 'disabled')),
            reason TEXT,
            next_try {t.time},
            exchanges TEXT
        )""",
        f"""
        CREATE TABLE poll_interval_configuration (
            id {t.uuid} PRIMARY KEY NOT NULL,
            config_type TEXT NOT NULL CHECK (config_type IN ('global', 'user', 'portfolio')),
            target_id {t.uuid},
            interval_minutes INTEGER NOT NULL CHECK (interval_minutes BETWEEN 1 AND 1440),
            reason TEXT NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
            created_by TEXT NOT NULL,
            created_at {t.time} NOT NULL,
            effective_from {t.time} NOT NULL,
            effective_until {t.time},
            begins_at {t.time} NOT NULL,
            ends_at {t.time},
            CHECK ((config_type = 'global') = (target_id IS NULL)),
            CHECK (effective_until > effective_from)
        )""",
        "CREATE INDEX poll_interval_configuration_target ON poll_interval_configuration (config_type, target_id, ends_at)",
        "CREATE INDEX poll_interval_configuration_created_at ON poll_interval_configuration (created_at)",
        f"""
        CREATE TABLE administrative_override (
            id {t.uuid} PRIMARY KEY NOT NULL,
            override_type TEXT NOT NULL,
            scope TEXT NOT NULL,
            target_id {t.uuid},
            provider_id TEXT,
            symbol TEXT,
            override_value INTEGER CHECK (override_value BETWEEN 1 AND 1440),
            override_price {t.decimal} CHECK (CAST(override_price AS NUMERIC) > 0),
            previous_price {t.decimal},
            effective_time {t.time} NOT NULL,
            expires_at {t.time},
            reason TEXT NOT NULL CHECK (length(reason) BETWEEN 3 AND 500),
            admin_user TEXT NOT NULL,
            created_at {t.time} NOT NULL,
            removed_at {t.time},
            removed_by TEXT,
            removed_reason TEXT,
            CHECK (
                (override_type = 'price' AND scope = 'symbol')
                OR (override_type = 'emergency_stop' AND scope = 'global')
                OR (override_type = 'force_interval' AND scope IN ('global', 'user', 'portfolio', 'symbol'))
                OR (override_type = 'disable_updates'
                    AND scope IN ('global', 'user', 'portfolio', 'provider', 'symbol'))
            ),
            CHECK ((scope IN ('user', 'portfolio')) = (target_id IS NOT NULL)),
            CHECK ((scope = 'provider') = (provider_id IS NOT NULL)),
            CHECK ((scope = 'symbol') = (symbol IS NOT NULL)),
            CHECK ((override_type = 'force_interval') = (override_value IS NOT NULL)),
            CHECK ((override_type = 'price') = (override_price IS NOT NULL))
        )""",
        """
        CREATE INDEX administrative_override_open ON administrative_override (override_type, scope)
        WHERE removed_at IS NULL""",
        "CREATE INDEX administrative_override_created_at ON administrative_override (created_at)",
        f"""
        CREATE TABLE api_usage_metrics (
            id {t.uuid} PRIMARY KEY NOT NULL,
            provider TEXT NOT NULL,
            kind TEXT NOT NULL CHECK (kind IN ('scheduled', 'manual', 'probe')),
            symbols TEXT NOT NULL,
            reserved_at {t.time} NOT NULL,
            user_id {t.uuid} REFERENCES user_account (id) ON DELETE SET NULL,
            outcome TEXT,
            latency_ms INTEGER CHECK (latency_ms >= 0),
            cost {t.decimal} CHECK (CAST(cost AS NUMERIC) >= 0)
        )""",
        "CREATE INDEX api_usage_metrics_provider ON api_usage_metrics (provider, reserved_at)",
        "CREATE INDEX api_usage_metrics_reserved_at ON api_usage_metrics (reserved_at)",
        "CREATE INDEX api_usage_metrics_user_id ON api_usage_metrics (user_id, reserved_at)",
    ]


def _audit(t: Dialect) -> list[str]:
    table = f"""
        CREATE TABLE audit_log (
            id {t.uuid} PRIMARY KEY NOT NULL,
            number BIGINT NOT NULL UNIQUE CHECK (number > 0),
            at {t.time} NOT NULL,
            actor TEXT NOT NULL,
            action TEXT NOT NULL,
            target_type TEXT NOT NULL,
            target_id TEXT,
            reason TEXT,
            before TEXT,
            after TEXT,
            hash TEXT NOT NULL
        )"""
    indexes = [
        "CREATE INDEX audit_log_at ON audit_log (at)",
        "CREATE INDEX audit_log_actor ON audit_log (actor, at)",
        "CREATE INDEX audit_log_action ON audit_log (action, at)",
        "CREATE INDEX audit_log_target_id ON audit_log (target_id, at)",
    ]
    return [table, *indexes, *(_refusals_of_sqlite() if t.sqlite else _refusals_of_postgres())]


def _refusals_of_sqlite() -> list[str]:
    return [
        f"""
        CREATE TRIGGER audit_log_refuses_{event.lower()} BEFORE {event} ON audit_log
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END"""
        for event in ("UPDATE", "DELETE")
    ]


def _refusals_of_postgres() -> list[str]:
    return [
        """
        CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'the audit log is append-only' USING ERRCODE = 'restrict_violation'; END $$""",
        """
        CREATE TRIGGER audit_log_refuses_change BEFORE UPDATE OR DELETE ON audit_log
        FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()""",
        """
        CREATE TRIGGER audit_log_refuses_truncate BEFORE TRUNCATE ON audit_log
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
    ]
