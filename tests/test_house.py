"""Rules of the house that a linter cannot know."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from market_actors import messages, stored
from market_actors.messages import Message
from market_actors.settings import DOCS
from web.app import api_routes
from web.openapi import document

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def modules(*folders: str) -> list[str]:
    """Paths of our modules below the folders, relative to the root."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    return sorted(str(path.relative_to(ROOT)) for path in found)


def imports(path: str) -> Iterator[str]:
    """The dotted names that a module imports, also inside functions; relative ones are not used here."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} has a relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_of(path: str, *packages: str) -> set[str]:
    """Those of a module's imports that are, or are within, the packages."""
    return {
        name for name in imports(path) if any(name == package or name.startswith(package + ".") for package in packages)
    }


def all_messages() -> list[type[Message]]:
    return [
        member
        for module in (messages, stored)
        for _, member in inspect.getmembers(module, inspect.isclass)
        if issubclass(member, Message) and member.__module__ == module.__name__
    ]


@pytest.mark.parametrize("path", modules("market_actors/domain"))
def test_the_domain_knows_the_standard_library_and_itself_alone(path):
    foreign = {
        name
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("market_actors.domain")
    }
    assert not foreign


@pytest.mark.parametrize("path", modules("persistence"))
def test_persistence_knows_nothing_of_ours(path):
    assert not imports_of(path, "run", "web", "market_actors")


@pytest.mark.parametrize("path", modules("market_actors"))
def test_the_actors_know_nothing_of_the_web(path):
    assert not imports_of(path, "run", "web", "tornado")


@pytest.mark.parametrize("path", modules("market_actors"))
def test_only_the_store_the_history_the_cache_and_the_commands_use_the_database(path):
    own = {"market_actors/store.py", "market_actors/history.py", "market_actors/warm_cache.py"}
    if path in own or path.startswith("market_actors/commands/"):
        return
    foreign = {name for name in imports_of(path, "persistence") if not name.startswith("persistence.records")}
    assert not foreign - {"persistence"}


@pytest.mark.parametrize("path", modules("web"))
def test_the_web_knows_the_actors_and_of_the_database_its_records_alone(path):
    foreign = {name for name in imports_of(path, "run", "persistence") if not name.startswith("persistence.records")}
    assert not foreign
    assert not imports_of(path, "market_actors.commands")


@pytest.mark.parametrize("path", modules("market_actors/providers"))
def test_a_provider_knows_no_actor(path):
    assert not imports_of(path, "pykka", "market_actors.actor", "market_actors.messages", "market_actors.system")


@pytest.mark.parametrize("path", ["run.py", *modules("web", "market_actors", "persistence")])
def test_trading_calendars_are_imported_in_one_place(path):
    if path != "market_actors/calendars.py":
        assert not imports_of(path, "exchange_calendars", "pandas")


@pytest.mark.parametrize(
    ("package", "where"),
    [
        ("requests", "market_actors/providers/http.py"),
        ("redis", "persistence/cache.py"),
        ("peewee", ("persistence/", "market_actors/commands/")),
        ("playhouse", "persistence/"),
        ("tornado", ("web/", "run.py")),
    ],
)
def test_what_waits_is_used_where_it_may_wait(package, where):
    users = [path for path in ("run.py", *modules("web", "market_actors", "persistence")) if imports_of(path, package)]
    assert [path for path in users if not path.startswith(where)] == []


@pytest.mark.parametrize("path", ["run.py", *modules("web", "market_actors")])
def test_nobody_sleeps_or_waits_for_an_actor(path):
    """Whoever stops the system waits for its actors, off the loop; a call to a provider waits for its deadline."""
    if path not in {"market_actors/system.py", "market_actors/actor.py", "market_actors/providers/http.py"}:
        assert not re.findall(r"time\.sleep\(|\.result\(|\.get\(timeout", (ROOT / path).read_text())


def calls(path: str) -> Iterator[ast.Call]:
    return (node for node in ast.walk(ast.parse((ROOT / path).read_text())) if isinstance(node, ast.Call))


def names_told() -> set[str]:
    """The messages that are made where they are told or asked."""
    return {
        argument.func.id
        for path in ("run.py", *modules("web", "market_actors"))
        for call in calls(path)
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in {"tell", "ask", "_ask"}
        for argument in call.args
        if isinstance(argument, ast.Call) and isinstance(argument.func, ast.Name)
    }


def names_handled() -> set[str]:
    """The messages that an actor has a case for."""
    return {
        getattr(pattern.cls, "id", "")
        for path in modules("market_actors")
        for pattern in ast.walk(ast.parse((ROOT / path).read_text()))
        if isinstance(pattern, ast.MatchClass)
    }


def test_whatever_is_told_is_handled_by_somebody():
    of_the_vocabulary = {message.__name__ for message in all_messages() if message.__module__ == messages.__name__}
    told = names_told() & of_the_vocabulary

    assert {"Reserve", "QuotesFetched", "GetPrices", "Subscribe"} <= told
    assert told - names_handled() - {"Ping"} == set()  # every actor answers that


@pytest.mark.parametrize("path", ["run.py", *modules("web", "market_actors")])
def test_only_the_gateway_asks_an_actor(path):
    """Whoever else says .ask( hands the reply on, and never waits for it."""
    text = (ROOT / path).read_text()
    calls = re.findall(r"\.ask\(.*", text)
    if path in {"web/gateway.py", "market_actors/actor.py", "market_actors/book.py"}:
        return
    assert not calls


def test_the_book_hands_on_the_replies_it_asks_for_and_waits_for_none():
    text = (ROOT / "market_actors/book.py").read_text()
    asks = re.findall(r".*\.ask\(.*", text)
    assert asks
    assert all(re.search(r"(return |reply\.set\()live\.address\.ask\(", line) for line in asks)
    assert ".outcome" not in text


@pytest.mark.parametrize("message", all_messages(), ids=lambda message: message.__name__)
def test_a_message_is_frozen_and_says_what_it_means(message):
    assert dataclasses.is_dataclass(message)
    assert message.__dataclass_params__.frozen
    assert message.__doc__
    assert not message.__doc__.startswith(f"{message.__name__}(")


@pytest.mark.parametrize("path", ["run.py", *modules("web", "market_actors", "persistence")])
def test_a_module_says_what_it_is_for(path):
    text = (ROOT / path).read_text()
    assert not text.strip() or ast.get_docstring(ast.parse(text)), f"{path} has no docstring"


@pytest.mark.parametrize("key", DOCS)
def test_a_setting_stands_in_the_readme_with_its_default_and_meaning(key):
    default, meaning = DOCS[key]
    assert f"| `{key}` | {f'`{default}`' if default else '–'} | {meaning} |" in README


def test_the_readme_has_no_setting_that_does_not_exist():
    named = set(re.findall(r"`(MARKET_[A-Z_]+)`", README))
    assert named <= set(DOCS)


@pytest.mark.parametrize("path", document(api_routes())["paths"])
def test_a_path_of_the_interface_stands_in_the_readme(path):
    below_api = re.sub(r"\{\w*_id\}", "{id}", path.removeprefix("/api/v1"))
    assert f"`{below_api}`" in README


def test_the_readme_has_the_two_commands():
    assert "python3 -m venv .venv && .venv/bin/pip install -q -e . && .venv/bin/python run.py --demo\n" in README
    assert "python3 -m venv .venv && .venv/bin/pip install -q -e '.[test]' && .venv/bin/pytest\n" in README


def test_every_picture_and_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
