"""The tables, as peewee sees them; persistence/migrations/ makes them, with the constraints that are not repeated here."""

from persistence.models.accounts import Session, SignInLink, StreamTicket, Token, User
from persistence.models.administration import (
    AdministrativeOverride,
    ApiUsageMetrics,
    AuditHead,
    AuditLog,
    MarketDataProvider,
    PollIntervalConfiguration,
)
from persistence.models.base import BaseModel
from persistence.models.market import Instrument, PriceUpdateSchedule, RealtimePriceHistory, SseConnection, StreamEpoch
from persistence.models.portfolios import Holding, Portfolio, PortfolioLink, PortfolioValuation
from persistence.models.usage import (
    ApiUsagePlan,
    ApiUsageRollup,
    ApiUsageSymbol,
    UsageAudience,
    UsageName,
    UsageShare,
)

__all__ = [
    "AdministrativeOverride",
    "ApiUsageMetrics",
    "ApiUsagePlan",
    "ApiUsageRollup",
    "ApiUsageSymbol",
    "AuditHead",
    "AuditLog",
    "BaseModel",
    "Holding",
    "Instrument",
    "MarketDataProvider",
    "PollIntervalConfiguration",
    "Portfolio",
    "PortfolioLink",
    "PortfolioValuation",
    "PriceUpdateSchedule",
    "RealtimePriceHistory",
    "Session",
    "SignInLink",
    "SseConnection",
    "StreamEpoch",
    "StreamTicket",
    "Token",
    "UsageAudience",
    "UsageName",
    "UsageShare",
    "User",
]
