"""What becomes of everything that can go wrong below the status code, over real sockets."""

from __future__ import annotations

import gzip
import os
import socket
import ssl
import threading
import time
from dataclasses import replace

import pytest
import requests
from requests import exceptions as rx
from urllib3 import exceptions as ux
from urllib3.connection import HTTPConnection

from integrations.procountor import (
    CredentialRefused,
    Environment,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorClient,
    ProcountorError,
    Rejected,
    pooled_session,
)
from integrations.procountor.transport import POOL_HOSTS, classify

from .conftest import KEY, close, cut_off, drip, reply, reset, silence

OURS = (NotSubmitted, OutcomeUnknown, Rejected, CredentialRefused)


def every_subclass(kind):
    found = {kind}
    for child in kind.__subclasses__():
        found |= every_subclass(child)
    return found


def exceptions_of(*roots):
    kinds = set().union(*(every_subclass(root) for root in roots))
    known = [it for it in kinds if it.__module__.startswith(("requests.", "urllib3."))]
    return sorted(known, key=lambda kind: f"{kind.__module__}.{kind.__qualname__}")


def bare(kind):
    """An exception of a kind, whatever its constructor wants."""
    return kind.__new__(kind)


class RaisingAdapter(requests.adapters.BaseAdapter):
    def __init__(self, error):
        super().__init__()
        self.error = error

    def send(self, request, **kwargs):
        if request.url.endswith("/oauth/token"):
            return requests.adapters.HTTPAdapter().send(request, **kwargs)
        raise self.error

    def close(self):
        pass


def failing_with(environment, error):
    session = requests.Session()
    session.mount("http://", RaisingAdapter(error))
    return ProcountorClient(environment, KEY, session=session)


CERTAIN = {
    "ClosedPoolError",
    "ConnectTimeout",
    "ConnectTimeoutError",
    "EmptyPoolError",
    "InvalidHeader",
    "InvalidProxyURL",
    "InvalidSchema",
    "InvalidURL",
    "LocationParseError",
    "LocationValueError",
    "MissingSchema",
    "NameResolutionError",
    "NewConnectionError",
    "ProxySchemeUnknown",
    "URLRequired",
    "URLSchemeUnknown",
}


@pytest.mark.parametrize("kind", exceptions_of(rx.RequestException, ux.HTTPError))
def test_every_library_exception_becomes_one_of_our_errors(kind):
    error = classify(bare(kind), None)

    certain = kind.__name__ in CERTAIN and kind is not ux.InvalidHeader
    assert type(error) is (NotSubmitted if certain else OutcomeUnknown)


@pytest.mark.parametrize("kind", exceptions_of(rx.RequestException, ux.HTTPError))
def test_no_library_exception_escapes_the_client_or_hangs_on_ours(environment, kind):
    client = failing_with(environment, bare(kind))

    with pytest.raises(ProcountorError) as caught:
        client.create_invoice(b"{}")

    assert type(caught.value) in OURS
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def wrapped(reason):
    return rx.ConnectionError(ux.MaxRetryError(None, "/", reason))


CONNECTION = HTTPConnection("127.0.0.1")


@pytest.mark.parametrize(
    ("error", "kind", "cause"),
    [
        (wrapped(ux.NewConnectionError(CONNECTION, "refused")), NotSubmitted, "connect_error"),
        (
            wrapped(ux.NameResolutionError("h", CONNECTION, socket.gaierror())),
            NotSubmitted,
            "connect_error",
        ),
        (
            rx.ConnectTimeout(ux.MaxRetryError(None, "/", ux.ConnectTimeoutError())),
            NotSubmitted,
            "connect_timeout",
        ),
        (
            wrapped(ux.ProxyError("no proxy", ux.NewConnectionError(CONNECTION, "refused"))),
            NotSubmitted,
            "proxy_error",
        ),
        (wrapped(ux.ProxyError("lost", ConnectionResetError())), OutcomeUnknown, "proxy_error"),
        (
            rx.SSLError(ux.MaxRetryError(None, "/", ux.SSLError(ssl.SSLCertVerificationError()))),
            NotSubmitted,
            "tls_error",
        ),
        (
            rx.SSLError(ux.MaxRetryError(None, "/", ux.SSLError(ssl.SSLEOFError()))),
            OutcomeUnknown,
            "tls_error",
        ),
        (wrapped(ux.ProtocolError("aborted", ConnectionResetError())), OutcomeUnknown, "reset"),
        (wrapped(ux.ReadTimeoutError(None, "/", "slow")), OutcomeUnknown, "read_timeout"),
        (rx.InvalidHeader(ux.InvalidHeader("answer")), OutcomeUnknown, "bad_header"),
        (rx.InvalidHeader("ours"), NotSubmitted, "bad_header"),
        (OSError("something"), OutcomeUnknown, "transport_error"),
    ],
)
def test_the_wrapped_reason_decides_what_is_certain(error, kind, cause):
    found = classify(error, None)

    assert (type(found), found.cause) == (kind, cause)


def test_refused_connection_is_not_submitted(environment, client, server):
    client.authenticate()
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()
    object.__setattr__(environment, "base_url", f"http://127.0.0.1:{port}/api")

    with pytest.raises(NotSubmitted) as caught:
        client.create_invoice(b"{}")

    assert caught.value.cause == "connect_error"


def test_connection_lost_during_the_tls_handshake_is_not_submitted(environment, client, server):
    """The plain server cannot speak TLS, so nothing of the request can have been written."""
    client.authenticate()
    url = environment.base_url.replace("http:", "https:")
    object.__setattr__(environment, "base_url", url)
    before = len(server.received)

    with pytest.raises(NotSubmitted):
        client.create_invoice(b"{}")

    assert len(server.received) == before


def test_invalid_address_is_not_submitted_and_never_called(environment, client, server):
    client.authenticate()
    object.__setattr__(environment, "base_url", "http://[broken/api")

    with pytest.raises(NotSubmitted) as caught:
        client.create_invoice(b"{}")

    assert caught.value.cause == "bad_url"


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        (reset, "reset"),
        (close, "reset"),
        (cut_off, "cut_off"),
        (b"this is not HTTP at all\r\n\r\n", "reset"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "cut_off"),
        (reply(200, b"not gzip", "Content-Encoding: gzip\r\n"), "broken_answer"),
        (reply(500, "<html>Internal error</html>"), "http_500"),
        (reply(200, "<html>Welcome</html>"), "not_json"),
        (reply(200, b'{"id": 7, "x": "\xff"}'), "not_json"),
        (reply(200, "[" * 100_000), "not_json"),
        (reply(200, '{"id": NaN}'), "not_json"),
        (reply(200, [{"id": 7}]), "not_json"),
        (reply(200, "7"), "not_json"),
        (reply(200, ""), "not_json"),
        (reply(200, {"number": 7}), "no_id"),
        (reply(200, {"id": "7"}), "no_id"),
        (reply(200, {"id": True}), "no_id"),
        (reply(200, {"id": 7.5}), "no_id"),
        (reply(202, {"id": 7}), "http_202"),
        (reply(204), "http_204"),
    ],
)
def test_fault_after_the_post_is_outcome_unknown_with_one_post(client, server, fault, cause):
    server.script = [fault]

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, len(server.calls)) == (cause, 1)


def test_silence_after_the_post_is_outcome_unknown(client, server, hasty):
    client.authenticate()
    server.script = [silence]

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, len(server.calls)) == ("read_timeout", 1)


def test_reset_of_a_kept_connection_is_outcome_unknown(client, server):
    """The server may have read the request before it closed: nobody can tell."""
    server.script = [reply(200, {"id": 1}), reset]
    client.create_invoice(b"{}")

    with pytest.raises(OutcomeUnknown):
        client.create_invoice(b"{}")

    assert (server.connections, len(server.calls)) == (1, 2)


@pytest.mark.parametrize(
    "fault",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        drip(b"", b"H"),
    ],
    ids=["body", "chunks", "chunk_size", "until_close", "headers", "status_line"],
)
def test_dripping_answer_is_ended_in_the_total_time(client, server, hasty, fault):
    client.authenticate()
    server.script = [fault]
    began = time.monotonic()

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert caught.value.cause == "too_slow"
    assert time.monotonic() - began < 3


def test_answer_over_the_size_limit_is_outcome_unknown(client, server):
    bomb = gzip.compress(b" " * 25_000_000)
    server.script = [reply(200, bomb, "Content-Encoding: gzip\r\n")]

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert caught.value.cause == "too_large"


def test_gzip_answer_is_read(client, server):
    packed = gzip.compress(b'{"id": 7}')
    server.script = [reply(200, packed, "Content-Encoding: gzip\r\n")]

    assert client.create_invoice(b"{}").id == 7


def test_connection_is_used_again(client, server):
    server.script = [reply(200, {"id": 1}), reply(400, {}), reply(200, {"id": 2})]
    client.create_invoice(b"{}")
    with pytest.raises(Rejected):
        client.create_invoice(b"{}")
    client.create_invoice(b"{}")

    assert server.connections == 1


def test_more_hosts_than_there_are_pools_are_all_reached_again(environment, session, server):
    spellings = ["127.0.0.1", "localhost", "127.1", "127.0.1", "2130706433", "0x7f000001"]
    assert len(spellings) > POOL_HOSTS
    clients = [
        ProcountorClient(
            replace(environment, base_url=f"http://{host}:{server.port}/api"), KEY, session=session
        )
        for host in spellings
    ]
    server.script = [reply(200, {"id": number}) for number in range(1, 13)]

    made = [client.create_invoice(b"{}").id for _round in range(2) for client in clients]

    assert made == list(range(1, 13))


@pytest.mark.parametrize("location", ["http://127.0.0.1:1/elsewhere", "http://[bad", ""])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_never_followed(client, server, status, location):
    server.script = [reply(status, "moved", f"Location: {location}\r\n")]

    with pytest.raises(Rejected) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, caught.value.status) == ("redirect", status)
    assert len(server.calls) == 1


def test_cookies_are_never_sent_back(client, server):
    """One session serves all tenants: a cookie would carry one tenant's session to another."""
    server.script = [reply(200, {"id": 1}, "Set-Cookie: JSESSIONID=tenant-a; Path=/\r\n")]
    client.create_invoice(b"{}")
    client.status()

    assert [it.headers.get("cookie") for it in server.received] == [None, None, None]


def test_session_that_retries_is_refused(environment):
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(max_retries=1))

    with pytest.raises(ValueError, match="must not retry"):
        ProcountorClient(environment, KEY, session=session)


def test_pooled_session_is_one_per_process_and_made_anew_after_a_fork(monkeypatch):
    first = pooled_session()
    assert pooled_session() is first
    pid = os.getpid()
    monkeypatch.setattr(os, "getpid", lambda: pid + 1)

    second = pooled_session()

    assert second is not first
    assert (second.trust_env, second.get_adapter("https://x").max_retries.total) == (False, 0)


def test_environment_variables_do_not_choose_a_proxy(environment, server, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.script = [reply(200, {"id": 7})]

    assert ProcountorClient(environment, KEY).create_invoice(b"{}").id == 7


def test_unreachable_proxy_is_not_submitted(environment, client, server, session):
    client.authenticate()
    session.proxies = {"http": "http://127.0.0.1:1"}

    with pytest.raises(NotSubmitted) as caught:
        client.create_invoice(b"{}")

    assert caught.value.cause == "proxy_error"


def test_reset_behind_a_proxy_is_outcome_unknown(environment, client, server, session):
    """A connection through a proxy is not watched, so nothing about it is proven."""
    client.authenticate()
    session.proxies = {"http": f"http://127.0.0.1:{server.port}"}
    server.script = [reset]

    with pytest.raises(OutcomeUnknown):
        client.create_invoice(b"{}")


def test_no_timer_thread_is_left_behind(client, server):
    client.status()

    left = [it for it in threading.enumerate() if isinstance(it, threading.Timer)]
    for timer in left:
        timer.join(1)
    assert [it for it in left if it.is_alive()] == []


def test_repr_of_an_environment_hides_the_client_secret():
    environment = Environment("t", "http://h/api/", "id", "very-secret", "https://r")

    assert "very-secret" not in repr(environment)
    assert environment.base_url == "http://h/api"
