"""A call to a provider ends in time and in size, goes nowhere else, and tells nothing of its key."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from urllib3 import connectionpool

from market_actors.errors import ErrorKind, ProviderError
from market_actors.providers.http import MAX_BYTES, Client
from tests.standin import KEY
from tests.standin_data import SCENARIOS, TRANSPORT, Wire

TIMEOUT = 0.5
FORMS_OF_KEY = (KEY, "K3Y%2F", "K3Y/", "k3y%2f", "of+the+stand-in", "of%20the%20stand-in")


@pytest.fixture
def client(standin):
    client = Client(standin.url("alpha_vantage"), TIMEOUT, secret=KEY)
    yield client
    client.close()


def get(client):
    return client.get("/query", {"function": "GLOBAL_QUOTE", "symbol": "IBM", "apikey": KEY})


def failure(client):
    with pytest.raises(ProviderError) as caught:
        get(client)
    return caught.value


@pytest.mark.parametrize("scenario", ["hang", "stall", "drip", "drip_headers"])
def test_a_call_ends_at_its_deadline_however_slowly_bytes_come(standin, client, scenario, monkeypatch):
    monkeypatch.setattr("market_actors.providers.http.GRACE_SECONDS", 20)  # it ends by itself, not by being left alone
    standin.fail("alpha_vantage", scenario)
    began = time.monotonic()

    error = failure(client)

    assert TIMEOUT - 0.1 < time.monotonic() - began < TIMEOUT + 0.3
    assert (error.kind, str(error)) == (ErrorKind.NETWORK, "no answer in 0.5 s")


def test_a_call_whose_name_is_looked_up_forever_ends_at_its_deadline(client, monkeypatch):
    given_up = threading.Event()

    def look_up(*_arguments, **_keywords):
        given_up.wait(30)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", look_up)
    began = time.monotonic()

    error = failure(client)
    given_up.set()

    assert time.monotonic() - began < TIMEOUT + 1
    assert (error.kind, str(error)) == (ErrorKind.NETWORK, "no answer in 0.5 s")


def test_the_next_call_after_a_late_one_is_answered(standin, client):
    standin.fail("alpha_vantage", "hang", times=1)
    failure(client)

    assert get(client).status == 200


@pytest.mark.parametrize(
    ("scenario", "kind"),
    [
        ("10mb", ErrorKind.MALFORMED),
        ("gzip_bomb", ErrorKind.MALFORMED),
        ("bad_gzip", ErrorKind.MALFORMED),
        ("redirect", ErrorKind.UPSTREAM),
        ("truncated", ErrorKind.NETWORK),
        ("not_http", ErrorKind.NETWORK),
    ],
)
def test_an_answer_that_cannot_be_taken_has_its_kind(standin, client, scenario, kind):
    standin.fail("alpha_vantage", scenario)

    assert failure(client).kind is kind


def test_a_redirect_is_not_followed(standin, client):
    standin.fail("alpha_vantage", "redirect")

    failure(client)

    assert [call.path for call in standin.calls("alpha_vantage")] == ["/query"]


def test_the_largest_answer_is_taken_and_one_byte_more_is_not(standin, client, monkeypatch):
    monkeypatch.setitem(SCENARIOS["alpha_vantage"], "largest", Wire(200, b" " * MAX_BYTES))
    monkeypatch.setitem(SCENARIOS["alpha_vantage"], "too_large", Wire(200, b" " * (MAX_BYTES + 1)))

    standin.fail("alpha_vantage", "largest")
    assert len(get(client).body) == MAX_BYTES
    standin.fail("alpha_vantage", "too_large")
    assert failure(client).kind is ErrorKind.MALFORMED


def test_a_server_that_is_gone_is_named_as_such_and_found_again(standin, client):
    get(client)
    standin.stop("alpha_vantage")

    error = failure(client)

    assert (error.kind, str(error)) == (ErrorKind.NETWORK, "connection refused")
    standin.start("alpha_vantage")
    assert get(client).status == 200


@pytest.mark.parametrize("scenario", sorted(TRANSPORT))
def test_no_failure_tells_the_key(standin, client, scenario, caplog):
    caplog.set_level(logging.DEBUG)
    standin.fail("alpha_vantage", scenario)
    told = ""

    try:
        get(client)
    except ProviderError as error:
        told = "".join(traceback.format_exception(error)) + repr(error)

    told += caplog.text + "".join(record.getMessage() for record in caplog.records)
    assert not [form for form in FORMS_OF_KEY if form in told]


def test_what_urllib3_logs_of_addresses_is_silent(standin, client, caplog):
    caplog.set_level(logging.DEBUG)

    get(client)

    assert connectionpool.log.disabled
    assert "/query" not in caplog.text


@pytest.mark.parametrize("form", FORMS_OF_KEY[:1] + ("K3Y%2F%2B%25of%20the%20stand-in", "K3Y%2F%2B%25of+the+stand-in"))
def test_a_text_is_rid_of_the_key_in_all_its_forms(client, form):
    assert client.redact(f"no route to {form}!") == "no route to ***!"
    assert client.redact(form.lower()) == "***"


def test_without_a_key_a_text_stays_as_it_is(standin):
    client = Client(standin.url("yahoo"), TIMEOUT)

    assert client.redact("as it is") == "as it is"
    client.close()


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("7", 7, 7),
        ("0", 0, 0),
        ("999999999", 86400, 86400),
        (timedelta(seconds=600), 500, 600),
        (timedelta(seconds=-600), 0, 0),
    ],
)
def test_the_wait_is_read_in_seconds_or_as_a_date(standin, client, monkeypatch, said, least, most):
    if isinstance(said, timedelta):
        said = format_datetime(datetime.now(UTC) + said, usegmt=True)
    monkeypatch.setitem(SCENARIOS["alpha_vantage"], "wait", Wire(503, b"", headers={"Retry-After": said}))
    standin.fail("alpha_vantage", "wait")

    assert least <= get(client).retry_after <= most


@pytest.mark.parametrize("said", ["soon", "-5", "1e9", ""])
def test_a_wait_that_cannot_be_read_is_none(standin, client, monkeypatch, said):
    monkeypatch.setitem(SCENARIOS["alpha_vantage"], "wait", Wire(503, b"", headers={"Retry-After": said}))
    standin.fail("alpha_vantage", "wait")

    assert get(client).retry_after is None


def test_connections_are_kept_and_environment_proxies_ignored(standin, client, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")

    assert [get(client).status for _ in range(3)] == [200, 200, 200]
    assert standin.connections("alpha_vantage") == 1
