"""The Store can pass any of its questions on to the query of the same name."""

from __future__ import annotations

import inspect
import re
from dataclasses import fields

import pytest

from market_actors import stored
from market_actors.messages import Request
from persistence import queries

QUESTIONS = [
    kind
    for kind in vars(stored).values()
    if inspect.isclass(kind) and issubclass(kind, Request) and kind.__module__ == stored.__name__
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda kind: kind.__name__)
def test_a_question_has_a_query_that_takes_its_fields(question: type[Request[object]]) -> None:
    query = getattr(queries, re.sub(r"(?<!^)(?=[A-Z])", "_", question.__name__).lower())

    taken = inspect.signature(query).parameters

    assert list(taken) == [field.name for field in fields(question)]
