"""From the settings to providers."""

from __future__ import annotations

from decimal import Decimal

import pytest

from market_actors.domain.costs import Tariff
from market_actors.errors import SettingsError
from market_actors.providers.base import Quota
from market_actors.providers.registry import PROVIDERS, Surroundings, build, tariff
from market_actors.settings import Settings

AROUND = Surroundings(close_of=lambda _exchange, _day: None)


def build_all(settings):
    providers = build(settings, AROUND)
    for provider in providers:
        provider.close()
    return providers


def test_providers_are_made_in_the_order_of_the_settings():
    settings = Settings(providers=("yahoo", "alpha_vantage"), yahoo_batch_size=5, alpha_vantage_calls_per_day=75)

    yahoo, alpha_vantage = build_all(settings)

    assert (yahoo.name, yahoo.batch_size, yahoo.quota) == ("yahoo", 5, Quota(2, 60, 2000, "UTC"))
    assert (alpha_vantage.name, alpha_vantage.batch_size) == ("alpha_vantage", 1)
    assert alpha_vantage.quota == Quota(1, 5, 75, "America/New_York")
    assert alpha_vantage.covers("XASX")


def test_a_month_is_limited_where_the_settings_say_so():
    yahoo, alpha_vantage = build_all(Settings(providers=("yahoo", "alpha_vantage"), alpha_vantage_calls_per_month=500))

    assert (yahoo.quota.per_month, alpha_vantage.quota.per_month) == (None, 500)


def test_what_a_provider_charges_stands_in_the_settings():
    settings = Settings(yahoo_cost_per_call=Decimal("0.010"), alpha_vantage_monthly_cost=Decimal("49.99"))

    assert tariff(settings, "yahoo") == Tariff(Decimal("0.010"), None)
    assert tariff(settings, "alpha_vantage") == Tariff(None, Decimal("49.99"))
    assert tariff(settings, "simulated") == Tariff()


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_provider_has_the_name_it_is_configured_by(name):
    (provider,) = build_all(Settings(providers=(name,)))

    assert provider.name == name


@pytest.mark.parametrize(
    ("names", "hint"),
    [
        (("yahooo",), 'did you mean "yahoo"?'),
        (("alpha-vantage",), 'did you mean "alpha_vantage"?'),
        (("bloomberg",), "there are yahoo, alpha_vantage, simulated"),
        (("yahoo", "yahoo"), "named twice"),
    ],
)
def test_a_wrong_name_is_an_error_that_helps(names, hint):
    with pytest.raises(SettingsError, match="MARKET_PROVIDERS") as caught:
        build(Settings(providers=names), AROUND)

    assert hint in str(caught.value)
