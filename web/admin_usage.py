"""Usage and cost of the providers' calls, as JSON and as CSV."""

from __future__ import annotations

import asyncio
from datetime import date

from market_actors.accounting.charges import Period
from market_actors.accounting.report import Question, usage_report
from market_actors.domain.costs import days_of
from market_actors.messages import GetQuotas
from market_actors.providers.registry import PROVIDERS
from market_actors.stored import CountCalls, ReadUsage
from persistence.records import UsageRows
from web.admin import AdminHandler
from web.gateway import ask
from web.holdings import CSV
from web.operation import operation
from web.problems import invalid
from web.usage_csv import write_usage
from web.usage_schemas import RateLimits, UsageAnswer, UsageExportQuery, UsageQuery

TIMEOUT = 10.0  # seconds; a period of years takes its time


class UsageHandler(AdminHandler):
    """GET /api/v1/admin/api-usage"""

    @operation("Calls to providers, what they cost, and whom they served", scope="admin", answer=UsageAnswer)
    async def get(self, query: UsageQuery) -> None:
        self.write_json(await self.report(query))

    async def report(self, query: UsageQuery | UsageExportQuery) -> UsageAnswer:
        """Raises Invalid."""
        now = self.now()
        question = self._question(query, now.date())
        month = Period(now.date().replace(day=1), _last_of(now.date()), now.date())
        rows = await self._rows(question, question.period)
        this_month = rows if question.period == month else await self._rows(question, month)
        quotas = await ask(self.market.usage, GetQuotas())
        quota = next((each for each in quotas if each.name == (query.provider or quotas[0].name)), None)
        name = quota.name if quota else str(query.provider)
        day = quota.began_at if quota else now.replace(hour=0, minute=0, second=0, microsecond=0)
        counts = await ask(self.market.history, CountCalls(name, day, now), TIMEOUT)
        report = await asyncio.to_thread(usage_report, question, rows, this_month, quotas, now)
        return UsageAnswer.of(report, RateLimits.of(name, quota, counts), now, query.limit, query.offset)

    async def _rows(self, question: Question, period: Period) -> UsageRows:
        of_whom = (question.provider, question.user_id, question.portfolio_id)
        return await ask(self.market.history, ReadUsage(period.start, period.end, *of_whom), TIMEOUT)

    def _question(self, query: UsageQuery | UsageExportQuery, today: date) -> Question:
        start = query.start_date or min(query.end_date or today, today).replace(day=1)
        end = query.end_date or _last_of(max(today, start))
        if start > end:
            raise invalid("must not be after end_date", "query", "start_date")
        if query.provider is not None and query.provider not in PROVIDERS:
            raise invalid("must be the name of a provider", "query", "provider")
        return Question(Period(start, end, today), query.provider, query.user_id, query.portfolio_id)


class UsageExportHandler(UsageHandler):
    """GET /api/v1/admin/api-usage/export"""

    @operation("The same as CSV: a column a field, a row an entry of a section", scope="admin", answer=CSV)
    async def get(self, query: UsageExportQuery) -> None:
        answer = await self.report(query)
        self.set_header("Content-Type", f"{CSV}; charset=utf-8")
        self.set_header("Content-Disposition", 'attachment; filename="api-usage.csv"')
        self.finish(await asyncio.to_thread(write_usage, answer))


def _last_of(day: date) -> date:
    return day.replace(day=days_of(day))
