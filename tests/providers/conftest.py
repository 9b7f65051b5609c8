"""What the tests of providers share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from market_actors.providers.base import Quota
from tests.standin import Standin

QUOTA = Quota(per_second=2, per_minute=60, per_day=2000, reset_timezone="UTC")


@pytest.fixture
def standin() -> Iterator[Standin]:
    with Standin() as standin:
        yield standin
