"""The token request, its answers, and how tokens are shared and renewed."""

from __future__ import annotations

import threading

import pytest
import time_machine

from integrations.procountor import (
    AccessToken,
    CredentialRefused,
    MemoryTokenStore,
    NotSubmitted,
    OutcomeUnknown,
    ProcountorClient,
    Rejected,
)

from .conftest import KEY, SECRET, close, cut_off, drip, reply, reset, silence


def test_token_request_is_exactly_this(client, server):
    client.authenticate()

    [asked] = server.received
    assert (asked.method, asked.path) == ("POST", "/api/oauth/token")
    assert asked.headers["content-type"] == "application/x-www-form-urlencoded"
    assert asked.body == (
        b"grant_type=client_credentials&client_id=our-client&client_secret=client%2Fsecret%2B1"
        b"&redirect_uri=https%3A%2F%2Fexample.invalid%2Fback&api_key=" + KEY.encode()
    )
    assert "authorization" not in asked.headers


def test_calls_carry_the_token_and_share_it(client, server):
    client.status()
    client.status()

    assert [it.headers["authorization"] for it in server.calls] == ["Bearer token-1"] * 2
    assert len(server.tokens_asked) == 1


def test_token_is_used_until_sixty_seconds_before_it_ends(client, server):
    with time_machine.travel(0, tick=False) as clock:
        client.authenticate()
        clock.move_to(3539)
        client.authenticate()
        assert len(server.tokens_asked) == 1
        clock.move_to(3540)
        client.authenticate()

    assert len(server.tokens_asked) == 2


@pytest.mark.parametrize(
    ("expires_in", "expires_at"), [(120, 120), ("120", 120), ("soon", 3600), (None, 3600)]
)
def test_token_ends_when_the_answer_says(environment, server, session, expires_in, expires_at):
    server.token_script = [reply(200, {"access_token": "t", "expires_in": expires_in})]
    store = MemoryTokenStore()
    with time_machine.travel(0, tick=False):
        ProcountorClient(environment, KEY, tokens=store, session=session).authenticate()

    assert store.get() == AccessToken("t", expires_at)


def test_api_key_is_asked_for_only_when_a_token_is_needed(environment, server, session):
    asked = []
    client = ProcountorClient(environment, lambda: asked.append(1) or KEY, session=session)
    assert asked == []
    client.status()
    client.status()

    assert asked == [1]


def in_threads(count, work):
    start = threading.Barrier(count)
    failures = []

    def run():
        start.wait()
        try:
            work()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    return failures


def test_eight_threads_buy_one_token(client, server):
    assert in_threads(8, client.status) == []
    assert (len(server.tokens_asked), len(server.calls)) == (1, 8)


def test_eight_threads_with_a_revoked_token_renew_it_once(client, server):
    client.authenticate()

    def answer(sock, request):
        stale = request.headers["authorization"] == "Bearer token-1"
        sock.sendall(reply(401 if stale else 200, {}, "Connection: close\r\n"))

    server.script = [answer] * 16

    assert in_threads(8, client.status) == []
    assert len(server.tokens_asked) == 2


def test_401_renews_the_token_and_repeats_the_call_once(client, server):
    server.script = [reply(401, {"errors": []}), reply(200, {"id": 7})]

    assert client.create_invoice(b'{"a": 1}').id == 7
    assert [it.headers["authorization"] for it in server.calls] == [
        "Bearer token-1",
        "Bearer token-2",
    ]
    assert [it.body for it in server.calls] == [b'{"a": 1}'] * 2


def test_second_401_is_credential_refused_and_forgets_the_token(environment, server, session):
    unauthorized = {"errors": [{"status": 401, "message": "Unauthorized"}]}
    server.script = [reply(401, unauthorized), reply(401, unauthorized)]
    store = MemoryTokenStore()
    client = ProcountorClient(environment, KEY, tokens=store, session=session)

    with pytest.raises(CredentialRefused) as caught:
        client.create_invoice(b"{}")

    assert (len(server.calls), len(server.tokens_asked), store.get()) == (2, 2, None)
    assert caught.value.errors[0].message == "Unauthorized"


def test_failing_renewal_after_a_401_never_leaves_the_outcome_unknown(client, server):
    """The 401 proves that the first POST was not processed."""
    client.authenticate()
    server.script = [reply(401, {})]
    server.token_script = [reset]

    with pytest.raises(NotSubmitted):
        client.create_invoice(b"{}")


def test_lost_answer_after_a_renewal_is_outcome_unknown(client, server):
    server.script = [reply(401, {}), reset]

    with pytest.raises(OutcomeUnknown):
        client.create_invoice(b"{}")

    assert len(server.calls) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "cause"),
    [
        (reset, NotSubmitted, "reset"),
        (close, NotSubmitted, "reset"),
        (cut_off, NotSubmitted, "cut_off"),
        (reply(500, "<html>"), NotSubmitted, "http_500"),
        (reply(503, {"errors": [{"message": "x"}]}), NotSubmitted, "http_503"),
        (reply(429, ""), NotSubmitted, "rate_limited"),
        (reply(408, ""), NotSubmitted, "http_408"),
        (reply(200, "<html>"), NotSubmitted, "no_token"),
        (reply(200, {}), NotSubmitted, "no_token"),
        (reply(200, [1]), NotSubmitted, "no_token"),
        (reply(200, {"access_token": ""}), NotSubmitted, "no_token"),
        (reply(200, {"access_token": "a\nb"}), NotSubmitted, "no_token"),
        (reply(200, {"access_token": "ä"}), NotSubmitted, "no_token"),
        (reply(200, {"access_token": 7}), NotSubmitted, "no_token"),
        (reply(302, "", "Location: /login\r\n"), Rejected, "redirect"),
        (reply(404, "<html>"), Rejected, "http_404"),
        (reply(405, ""), Rejected, "http_405"),
        (reply(401, ""), CredentialRefused, "http_401"),
        (reply(401, {"error": "invalid_client"}), CredentialRefused, "http_401"),
        (reply(400, {"error": "invalid_grant"}), CredentialRefused, "http_400"),
        (reply(403, {"errors": [{"message": "no"}]}), CredentialRefused, "http_403"),
        (reply(403, "<html>blocked</html>"), NotSubmitted, "http_403"),
        (reply(400, {"error": "temporarily_unavailable"}), NotSubmitted, "http_400"),
    ],
)
def test_token_answer_is_never_outcome_unknown(client, server, answer, kind, cause):
    server.token_script = [answer]

    with pytest.raises((NotSubmitted, Rejected, CredentialRefused)) as caught:
        client.create_invoice(b"{}")

    assert (type(caught.value), caught.value.cause) == (kind, cause)
    assert server.calls == []


@pytest.mark.parametrize(
    ("answer", "cause"),
    [(silence, "read_timeout"), (drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "), "too_slow")],
    ids=["silence", "drip"],
)
def test_token_answer_that_does_not_come_is_not_submitted(client, server, hasty, answer, cause):
    server.token_script = [answer]

    with pytest.raises(NotSubmitted) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, server.calls) == (cause, [])


def test_oauth_error_is_kept_as_evidence(client, server):
    body = {"error": "invalid_client", "error_description": "Unknown client"}
    server.token_script = [reply(401, body)]

    with pytest.raises(CredentialRefused) as caught:
        client.authenticate()

    assert [it.message for it in caught.value.errors] == ["invalid_client", "Unknown client"]


def test_dropping_an_old_token_keeps_the_new_one():
    store = MemoryTokenStore()
    old, new = AccessToken("old", 1), AccessToken("new", 2)
    store.put(new)
    store.drop(old)

    assert store.get() == new


def test_renewal_is_open_again_after_a_failure(client, server):
    server.token_script = [reset]
    with pytest.raises(NotSubmitted):
        client.authenticate()
    client.authenticate()

    assert server.tokens_given == 1


def test_before_request_runs_before_each_request_and_may_refuse(environment, server, session):
    seen = []
    client = ProcountorClient(
        environment, KEY, session=session, before_request=lambda: seen.append(len(server.received))
    )
    client.status()

    assert seen == [0, 1]


@pytest.mark.parametrize("shown", [str, repr])
def test_tokens_and_clients_do_not_show_secrets(client, shown):
    client.authenticate()

    text = shown(client) + shown(client.environment) + shown(AccessToken("token-1", 1))
    assert [it for it in (KEY, SECRET, "token-1") if it in text] == []
