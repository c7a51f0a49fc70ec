"""Tokens open one tenant, for what they may do, as often as they may, and are kept nowhere."""

import datetime as dt
import threading

import pytest
import time_machine
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from invoices.api import limits, tokens
from invoices.api_models import ApiAllowance, ApiToken
from invoices.models import AuditEvent
from tests import factories
from tests.invoices.api.conftest import EXPORTS, INVOICES, Source

pytestmark = pytest.mark.django_db


def test_token_is_recognised_by_prefix_and_check():
    clear = "fnk_" + "a" * 40

    assert tokens.looks_right(clear + tokens._check_of("a" * 40))
    assert not tokens.looks_right(clear + "000000")


@given(st.text(max_size=60))
def test_no_other_text_looks_like_a_token(text):
    assert not tokens.looks_right(text)


def test_only_the_hash_of_a_token_is_stored(tenant, boss):
    row, clear = tokens.make(tenant, by=boss, name="Web shop")

    values = {str(value) for value in vars(ApiToken.objects.get()).values()}
    assert clear.startswith("fnk_") and len(clear) == 50
    assert not any(clear[:-4] in value for value in values)
    assert row.last_four == clear[-4:]
    assert tokens.find(clear) == row


def test_garbage_is_refused_without_asking_the_database(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert tokens.find("fnk_" + "a" * 46) is None


@pytest.mark.parametrize(
    "header",
    [None, "", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "Token x", "Bearer fnk_" + "0" * 46],
)
def test_without_a_valid_token_nothing_is_read_or_kept(client, header):
    headers = {} if header is None else {"authorization": header}

    answer = client.post(INVOICES, b"{}", content_type="application/json", headers=headers)

    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"].startswith("Bearer")
    assert not AuditEvent.objects.filter(action="file.received").exists()


def test_revoked_and_expired_tokens_open_nothing(source, boss):
    assert source.get(EXPORTS).status_code == 200
    ApiToken.objects.update(expires_at=timezone.now() + dt.timedelta(hours=1))
    with time_machine.travel(timezone.now() + dt.timedelta(hours=2)):
        assert source.get(EXPORTS).status_code == 401
    ApiToken.objects.update(expires_at=None)

    assert tokens.revoke(ApiToken.objects.get(), by=boss)
    assert not tokens.revoke(ApiToken.objects.get(), by=boss)
    assert source.get(EXPORTS).status_code == 401


@pytest.mark.parametrize(
    ("scopes", "read", "write"),
    [
        ({"can_write": False}, 200, 403),
        ({"can_read": False}, 403, 201),
        ({}, 200, 201),
    ],
)
def test_token_may_do_what_its_scopes_say(client, tenant, make_token, scopes, read, write):
    source = Source(client, make_token(tenant, **scopes))

    written = source.post(INVOICES, factories.invoice("A-1"))
    shown = source.get(EXPORTS)

    assert (shown.status_code, written.status_code) == (read, write)


def test_refusal_names_the_scope_that_is_missing(client, tenant, make_token):
    answer = Source(client, make_token(tenant, can_read=False)).get(EXPORTS)

    assert answer.json()["scope"] == "invoices:read"
    assert 'scope="invoices:read"' in answer["WWW-Authenticate"]


def test_token_of_one_tenant_never_sees_another(client, make_tenant, make_token):
    acme, beta = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    mine, theirs = Source(client, make_token(acme)), Source(client, make_token(beta))
    mine.post(INVOICES, factories.invoice("A-1"))

    taken = theirs.post(INVOICES, factories.invoice("A-1", order_reference="other"))

    assert taken.status_code == 201
    theirs.post(INVOICES, factories.invoice("B-1"))
    assert mine.get(f"{INVOICES}/B-1").status_code == 404
    assert [each["number"] for each in mine.get(EXPORTS).json()["exports"]] == ["A-1"]
    assert "order_reference" not in mine.get(f"{INVOICES}/A-1").json()["invoice"]


def test_closed_tenant_is_told_so(source, tenant):
    tenant.state = "closed"
    tenant.save(update_fields=["state"])

    for answer in (source.post(INVOICES, factories.invoice()), source.get(EXPORTS)):
        assert answer.status_code == 403
        assert answer.json()["type"].endswith("#connection-ended")


def test_last_use_is_written_at_most_once_a_minute(source):
    with time_machine.travel(dt.datetime(2026, 9, 1, 8, tzinfo=dt.UTC), tick=False) as clock:
        source.get(EXPORTS)
        first = ApiToken.objects.get().last_used_at
        clock.shift(59)
        source.get(EXPORTS)
        assert ApiToken.objects.get().last_used_at == first
        clock.shift(1)
        source.get(EXPORTS)

    assert ApiToken.objects.get().last_used_at - first == dt.timedelta(seconds=60)


def test_making_and_revoking_are_in_the_audit_trail_without_the_token(tenant, boss):
    row, clear = tokens.make(tenant, by=boss, name="Web shop", queue=True)
    tokens.revoke(row, by=boss)

    made, revoked = AuditEvent.objects.filter(action__startswith="api_token.").order_by("pk")
    assert (made.action, revoked.action) == ("api_token.made", "api_token.revoked")
    assert (made.by, made.tenant, made.data["scopes"]) == (
        boss,
        tenant,
        ["invoices:write", "invoices:read"],
    )
    assert clear not in str(made.data) and row.token_hash not in str(made.data)


def test_name_is_free_again_once_its_token_is_revoked(tenant, boss):
    row, _clear = tokens.make(tenant, by=boss, name="Web shop")
    with pytest.raises(tokens.NameTaken):
        tokens.make(tenant, by=boss, name="Web shop")

    tokens.revoke(row, by=boss)

    assert tokens.make(tenant, by=boss, name="Web shop")[0].pk != row.pk


def test_too_many_requests_are_told_when_to_come_back(source, settings):
    settings.API_REQUESTS_PER_MINUTE = 3
    statuses = [source.get(EXPORTS).status_code for _each in range(3)]

    answer = source.get(EXPORTS)

    assert (statuses, answer.status_code) == ([200] * 3, 429)
    assert answer["Content-Type"] == "application/problem+json"
    assert 1 <= int(answer["Retry-After"]) <= 20


def test_allowance_comes_back_evenly_by_the_databases_clock(source, settings):
    settings.API_REQUESTS_PER_MINUTE = 3
    for _each in range(4):
        source.get(EXPORTS)
    allowance = ApiAllowance.objects.get()

    allowance.full_at -= 20
    allowance.save()

    assert [source.get(EXPORTS).status_code for _each in range(2)] == [200, 429]


def test_clock_that_was_put_back_locks_nobody_out(source):
    source.get(EXPORTS)
    ApiAllowance.objects.update(full_at=9e12)

    assert source.get(EXPORTS).status_code == 200


def test_large_bodies_cost_more(source, settings):
    settings.API_REQUESTS_PER_MINUTE = 10
    body = b" " * (8 * limits.BYTES_A_TURN) + b"{"

    answers = [source.post(INVOICES, body).status_code for _each in range(2)]

    assert answers == [400, 429]


def test_each_token_has_an_allowance_of_its_own(client, tenant, make_token, settings):
    settings.API_REQUESTS_PER_MINUTE = 1
    first, second = (Source(client, make_token(tenant, name=name)) for name in "ab")

    statuses = [each.get(EXPORTS).status_code for each in (first, first, second)]

    assert statuses == [200, 429, 200]


@pytest.mark.django_db(transaction=True)
def test_allowance_holds_for_many_threads_at_once(tenant, boss, settings):
    settings.API_REQUESTS_PER_MINUTE = 10
    token, _clear = tokens.make(tenant, by=boss, name="x")
    waits = []

    def use():
        from django.db import connection  # noqa: PLC0415 - the thread's own

        waits.append(limits.take(token, 0))
        connection.close()

    threads = [threading.Thread(target=use) for _each in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # One may have come back while the threads took turns.
    assert waits.count(0.0) in (10, 11)
