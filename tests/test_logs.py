"""What is logged, and what is not."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from market_actors import logs
from market_actors.actor import Address, MarketActor
from market_actors.errors import UnknownSymbol
from market_actors.messages import Message, Request

CHATTY = ("", "pykka", "urllib3", "asyncio", "peewee", "redis", "schedule")


@dataclass(frozen=True, slots=True)
class Fail(Request[None]):
    """Answer with an error."""


class Failing(MarketActor):
    """Raises on purpose."""

    def on_receive(self, message: Message) -> None:
        raise UnknownSymbol("NOPE")


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    levels = {name: logging.getLogger(name).level for name in CHATTY}
    handlers = list(logging.getLogger().handlers)
    yield
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    logging.getLogger().handlers[:] = handlers


@pytest.mark.parametrize("level", ["DEBUG", "INFO"])
def test_an_answer_that_is_an_error_leaves_no_traceback(level, capsys):
    logs.configure(level, "text")
    actor = Address("failing", Failing.start())

    with pytest.raises(UnknownSymbol):
        actor.ask(Fail()).get(timeout=5)
    actor.stop().get(timeout=5)

    assert "Traceback" not in capsys.readouterr().err
