"""Where settings come from, which source wins, and what an error says."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from market_actors.commands.configuration import load
from market_actors.errors import SettingsError
from market_actors.settings import DOCS, Settings


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "market.toml"


def refusal(environ: Mapping[str, str], config: Path | None = None) -> str:
    with pytest.raises(SettingsError) as refused:
        load(environ, config=config)
    return str(refused.value)


def test_without_any_source_the_defaults_hold():
    assert load({}) == Settings()


def test_the_environment_overrides_the_file_and_the_command_line_overrides_both(config):
    config.write_text('port = 1001\naddress = "10.0.0.1"\nstale_seconds = 60\n')
    settings = load({"MARKET_PORT": "1002", "MARKET_STALE_SECONDS": "61"}, {"port": 1003, "address": None}, config)
    assert (settings.port, settings.address, settings.stale_seconds) == (1003, "10.0.0.1", 61)


def test_an_unknown_key_of_the_environment_suggests_the_nearest():
    assert refusal({"MARKET_PRT": "1"}) == 'environment: no such key "MARKET_PRT"; did you mean "MARKET_PORT"?'


def test_an_unknown_key_of_the_file_suggests_the_nearest_and_names_the_file(config):
    config.write_text("stale_second = 3\n")
    assert refusal({}, config) == f'{config}: no such key "stale_second"; did you mean "stale_seconds"?'


def test_an_unknown_key_like_no_other_points_to_the_table():
    assert refusal({"MARKET_ZZZZZZZZ": "1"}).endswith("see the settings table in the README")


def test_keys_of_other_programs_are_left_alone():
    assert load({"PORT": "9", "MARKETING_PORT": "x"}) == Settings()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("MARKET_PORT", "eighty"),
        ("MARKET_PORT", "65536"),
        ("MARKET_PORT", ""),
        ("MARKET_STALE_SECONDS", "0"),
        ("MARKET_STALE_SECONDS", "1.5"),
        ("MARKET_DATABASE_URL", "mysql://x"),
        ("MARKET_REDIS_URL", "localhost:6379"),
        ("MARKET_YAHOO_RESET_TIMEZONE", "Mars/Olympus"),
        ("MARKET_YAHOO_URL", "ftp://example.org"),
        ("MARKET_JUMP_LIMIT", "NaN"),
        ("MARKET_JUMP_LIMIT", "0"),
        ("MARKET_YAHOO_COST_PER_CALL", "-0.01"),
        ("MARKET_YAHOO_COST_PER_CALL", "Infinity"),
        ("MARKET_ALPHA_VANTAGE_MONTHLY_COST", "0.0000000000001"),
        ("MARKET_ALPHA_VANTAGE_MONTHLY_COST", "1e16"),
        ("MARKET_ALPHA_VANTAGE_CALLS_PER_MONTH", "0"),
        ("MARKET_TRUSTED_PROXIES", "10.0.0.0/99"),
        ("MARKET_CORS_ORIGINS", "https://example.org/path"),
        ("MARKET_LOG_FORMAT", "xml"),
    ],
)
def test_a_bad_value_is_refused_and_its_key_named(key, value):
    assert refusal({key: value}).startswith(f"{key}: ")


def test_a_price_is_read_with_the_digits_it_was_given_and_an_empty_one_is_none():
    settings = load({"MARKET_YAHOO_COST_PER_CALL": "0.0100", "MARKET_YAHOO_MONTHLY_COST": " "})

    assert (str(settings.yahoo_cost_per_call), settings.yahoo_monthly_cost) == ("0.0100", None)


def test_a_bad_value_in_the_file_is_refused_with_the_file_and_the_key(config):
    config.write_text("port = [1]\n")
    assert refusal({}, config).startswith(f'{config}: "port": ')


def test_a_file_that_is_missing_or_no_toml_is_refused_by_name(config):
    assert refusal({}, config).startswith(f"{config}: cannot be read")
    config.write_text("port")
    assert refusal({}, config).startswith(f"{config}: not TOML")


def test_a_decimal_of_the_file_keeps_the_digits_it_was_written_with(config):
    config.write_text("jump_limit = 0.1\n")
    assert load({}, config=config).jump_limit == Decimal("0.1")


def test_lists_are_split_at_commas_or_written_as_lists(config):
    config.write_text('trusted_proxies = ["10.0.0.1", "192.168.0.0/16"]\n')
    settings = load({"MARKET_PROVIDERS": " yahoo, alpha_vantage ,"}, config=config)
    assert settings.providers == ("yahoo", "alpha_vantage")
    assert settings.trusted_proxies == ("10.0.0.1", "192.168.0.0/16")


@pytest.mark.parametrize(
    ("environ", "providers"),
    [
        ({}, ("simulated",)),
        ({"MARKET_PROVIDERS": ""}, ("simulated",)),
        ({"MARKET_ALPHA_VANTAGE_API_KEY": "k"}, ("alpha_vantage",)),
        ({"MARKET_ALPHA_VANTAGE_API_KEY": "k", "MARKET_YAHOO_URL": "http://127.0.0.1:1"}, ("yahoo", "alpha_vantage")),
        ({"MARKET_PROVIDERS": "alpha_vantage,yahoo", "MARKET_YAHOO_URL": "http://h"}, ("alpha_vantage", "yahoo")),
    ],
)
def test_without_a_list_the_configured_providers_are_used_and_the_simulated_one_only_without_any(environ, providers):
    assert load(environ).providers == providers


def test_a_demo_is_fast_simulated_and_keeps_its_own_database():
    settings = load({"MARKET_PROVIDERS": "yahoo"}, demo=True)
    assert settings.providers == ("simulated",)
    assert settings.database_url == "sqlite:///market-demo.db"
    assert {settings.open_interval_seconds, settings.after_hours_interval_seconds} == {1}


def test_a_demo_uses_the_database_and_intervals_that_were_asked_for():
    settings = load({"MARKET_DATABASE_URL": "sqlite:///mine.db", "MARKET_OPEN_INTERVAL_SECONDS": "7"}, demo=True)
    assert (settings.database_url, settings.open_interval_seconds) == ("sqlite:///mine.db", 7)


def test_what_may_hold_a_secret_is_never_printed():
    settings = load(
        {
            "MARKET_ALPHA_VANTAGE_API_KEY": "hush",
            "MARKET_DATABASE_URL": "postgresql://u:hush@h/d",
            "MARKET_REDIS_URL": "redis://:hush@h",
        }
    )
    assert "hush" not in repr(settings)


def test_the_own_origin_is_allowed_with_the_port_that_was_picked():
    assert load({}, {"port": 0}).bound_to(4321).cors_origins == ("http://localhost:3000", "http://127.0.0.1:4321")


def test_a_list_of_origins_replaces_the_default():
    settings = load({"MARKET_CORS_ORIGINS": "https://example.org"}).bound_to(4321)
    assert settings.cors_origins == ("https://example.org",)


def test_an_ipv6_address_is_bracketed_in_the_origin():
    assert load({"MARKET_ADDRESS": "::1", "MARKET_PORT": "80"}).origin == "http://[::1]:80"


def test_every_setting_says_what_it_means():
    assert all(meaning for _, meaning in DOCS.values())
