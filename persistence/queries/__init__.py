"""All that is asked of the database: one function a message of the Store, and what the actors need at their start.

Whatever changes something does it in one transaction and returns when it is committed.
Times are aware UTC; what queries return are records, detached from the database.
"""

from persistence.queries.audit import append_audit, audit_lacks_its_end, check_audit, list_audit
from persistence.queries.bars import list_bars
from persistence.queries.connections import close_connections, close_stale_connections, open_connections
from persistence.queries.credentials import (
    authenticate,
    create_session,
    create_token,
    end_session,
    list_tokens,
    revoke_token,
    revoked_since,
)
from persistence.queries.events import find_position, list_events, newest_forgotten
from persistence.queries.holdings import delete_holding, import_holdings, list_holdings, put_holding
from persistence.queries.intervals import (
    create_poll_interval,
    expire_poll_interval,
    get_poll_interval,
    list_poll_intervals,
)
from persistence.queries.links import create_link, delete_link, list_links
from persistence.queries.one_time import create_sign_in, create_ticket, find_sign_in, redeem_sign_in, redeem_ticket
from persistence.queries.overrides import (
    create_override,
    get_override,
    list_overrides,
    load_orders,
    remove_override,
)
from persistence.queries.portfolios import (
    count_portfolios,
    create_portfolio,
    delete_portfolio,
    get_portfolio,
    list_portfolios,
    load_book,
    load_positions,
    portfolio_owner,
    update_portfolio,
    versions_since,
)
from persistence.queries.prices import list_price_points, load_last_prices, record_prices, search_instruments
from persistence.queries.providers import (
    configure_provider,
    list_provider_states,
    load_provider_states,
    load_schedule,
    save_provider_state,
    save_schedule,
)
from persistence.queries.recordings import forget_market, list_last_recorded, list_recorded, newest_recorded
from persistence.queries.reports import count_calls, read_usage
from persistence.queries.targets import check_target
from persistence.queries.upkeep import next_epoch, prune
from persistence.queries.usage import calls_since, finish_call, record_call, record_calls, record_plans, settle_calls
from persistence.queries.users import (
    count_users,
    create_user,
    find_emails,
    find_user,
    foremost_user,
    get_user,
    invite_user,
    list_users,
    update_user,
)
from persistence.queries.valuations import list_valuation_points, record_valuations

__all__ = [
    "append_audit",
    "audit_lacks_its_end",
    "authenticate",
    "calls_since",
    "check_audit",
    "check_target",
    "close_connections",
    "close_stale_connections",
    "configure_provider",
    "count_calls",
    "count_portfolios",
    "count_users",
    "create_link",
    "create_override",
    "create_poll_interval",
    "create_portfolio",
    "create_session",
    "create_sign_in",
    "create_ticket",
    "create_token",
    "create_user",
    "delete_holding",
    "delete_link",
    "delete_portfolio",
    "end_session",
    "expire_poll_interval",
    "find_emails",
    "find_position",
    "find_sign_in",
    "find_user",
    "finish_call",
    "foremost_user",
    "forget_market",
    "get_override",
    "get_poll_interval",
    "get_portfolio",
    "get_user",
    "import_holdings",
    "invite_user",
    "list_audit",
    "list_bars",
    "list_events",
    "list_holdings",
    "list_last_recorded",
    "list_links",
    "list_overrides",
    "list_poll_intervals",
    "list_portfolios",
    "list_price_points",
    "list_provider_states",
    "list_recorded",
    "list_tokens",
    "list_users",
    "list_valuation_points",
    "load_book",
    "load_last_prices",
    "load_orders",
    "load_positions",
    "load_provider_states",
    "load_schedule",
    "newest_forgotten",
    "newest_recorded",
    "next_epoch",
    "open_connections",
    "portfolio_owner",
    "prune",
    "put_holding",
    "read_usage",
    "record_call",
    "record_calls",
    "record_plans",
    "record_prices",
    "record_valuations",
    "redeem_sign_in",
    "redeem_ticket",
    "remove_override",
    "revoke_token",
    "revoked_since",
    "save_provider_state",
    "save_schedule",
    "search_instruments",
    "settle_calls",
    "update_portfolio",
    "update_user",
    "versions_since",
]
