"""One speed limit for everyone; access tokens shared and encrypted."""

import threading
import time

import pytest
from django.core.cache import cache
from django.db import connection, connections

from integrations import limits
from integrations.clients import CachedTokens, client_for
from integrations.models import SpeedLimit
from integrations.procountor import AccessToken

pytestmark = pytest.mark.django_db(transaction=True)


def test_turns_are_an_interval_apart_for_threads_together(settings):
    settings.PROCOUNTOR_REQUESTS_PER_SECOND = 50
    moments = []

    def ask():
        for _turn in range(5):
            limits.wait_for_turn("test")
            moments.append(time.time())
        connections.close_all()

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(moments) == 15
    # Fourteen intervals of 20 ms lie between fifteen turns, however busy the machine is.
    assert max(moments) - min(moments) >= 14 * 0.02 * 0.9


def test_hold_is_not_shortened_by_a_shorter_one_and_moves_the_next_turn():
    limits.hold_back("test", 100)
    first = SpeedLimit.objects.get(name="test").held_until

    limits.hold_back("test", 1)

    assert SpeedLimit.objects.get(name="test").held_until == first
    assert limits.reserve("test", 1) - time.monotonic() > 90


def test_token_is_bought_once_and_shared_between_clients(tenant, sandbox):
    before = tokens_bought(sandbox)
    for _client in range(3):
        client_for(tenant).session_info()

    assert tokens_bought(sandbox) == before


def tokens_bought(sandbox):
    return sum(1 for request in sandbox.requests if request[2].endswith("/oauth/token"))


def test_token_in_the_cache_is_encrypted(tenant):
    tokens = CachedTokens(tenant.active_credential)
    tokens.put(AccessToken("the-token-in-clear", time.time() + 100))

    with connection.cursor() as cursor:
        cursor.execute("SELECT value FROM cache")
        stored = " ".join(str(row[0]) for row in cursor.fetchall())

    assert "the-token-in-clear" not in stored
    assert tokens.get().value == "the-token-in-clear"


def test_token_of_another_credential_is_not_read(tenant, make_tenant):
    other = make_tenant(name="Beta Oy", business_id="0112038-9")
    mine, theirs = CachedTokens(tenant.active_credential), CachedTokens(other.active_credential)
    mine.put(AccessToken("mine", time.time() + 100))

    cache.set(theirs._key, cache.get(mine._key))

    assert theirs.get() is None


def test_token_of_another_server_is_not_offered(tenant, settings):
    CachedTokens(tenant.active_credential).put(AccessToken("sandbox's", time.time() + 100))

    settings.PROCOUNTOR["test"]["base_url"] = "https://pts-api.procountor.com/api"

    assert CachedTokens(tenant.active_credential).get() is None
