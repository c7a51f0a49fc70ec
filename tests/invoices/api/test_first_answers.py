"""A repeat with its Idempotency-Key takes effect once and gets the first answer."""

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from invoices.api import first_answers
from invoices.api_models import ApiAnswer
from invoices.models import Invoice, ReceivedFile
from tests import factories
from tests.invoices.api.conftest import BATCH, INVOICES, Source

pytestmark = pytest.mark.django_db

KEY = {"idempotency-key": "0b1f4d9e-5b4e"}


def test_repeat_gets_the_first_answer_byte_for_byte(source):
    first = source.post(INVOICES, factories.invoice("A-1"), **KEY)

    again = source.post(INVOICES, factories.invoice("A-1"), **KEY)

    kept = ("Content-Type", "Content-Language", "Location")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert [again[name] for name in kept] == [first[name] for name in kept]
    assert (first.headers.get("Idempotency-Replayed"), again["Idempotency-Replayed"]) == (
        None,
        "true",
    )
    assert ReceivedFile.objects.count() == 1


@pytest.mark.parametrize("path", [INVOICES, BATCH])
@pytest.mark.parametrize("body", [b"{", b'{"number": "A-1"}', b'{"invoices": [{}]}'])
def test_refusals_are_repeated_too_whatever_the_language(source, path, body):
    first = source.post(path, body, **KEY, **{"accept-language": "fi"})

    again = source.post(path, body, **KEY, **{"accept-language": "sv"})

    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again["Content-Language"] == "fi"


def test_key_with_another_body_is_refused_and_the_body_kept(source):
    source.post(INVOICES, factories.invoice("A-1"), **KEY)

    answer = source.post(INVOICES, factories.invoice("A-2"), **KEY)

    assert answer.status_code == 422
    assert answer.json()["type"].endswith("#idempotency-key-reused")
    assert list(Invoice.objects.values_list("number", flat=True)) == ["A-1"]
    kept = ReceivedFile.objects.get(pk=answer.json()["received_file"])
    assert b"A-2" in bytes(kept.content)
    assert kept.problems[0]["code"] == "idempotency_key_reused"


def test_key_at_another_address_is_another_request(source):
    source.post(INVOICES, factories.invoice("A-1"), **KEY)

    assert source.post(BATCH, factories.invoice("A-1"), **KEY).status_code == 422


def test_key_counts_for_all_tokens_of_a_tenant_and_no_other(client, make_tenant, make_token):
    acme, beta = make_tenant(), make_tenant(name="Beta Oy", business_id="0112038-9")
    first = Source(client, make_token(acme)).post(INVOICES, factories.invoice("A-1"), **KEY)

    second = Source(client, make_token(acme, name="b")).post(
        INVOICES, factories.invoice("A-1"), **KEY
    )
    other = Source(client, make_token(beta)).post(INVOICES, factories.invoice("B-1"), **KEY)

    assert second.content == first.content
    assert (other.status_code, other.json()["number"]) == (201, "B-1")


def test_quoted_key_is_the_same_as_the_bare_one(source):
    source.post(INVOICES, factories.invoice("A-1"), **{"idempotency-key": "k"})

    again = source.post(INVOICES, factories.invoice("A-1"), **{"idempotency-key": '"k"'})

    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", " ", '"', 'a"b', "a b", "ä", "x" * 256, '""'])
def test_key_that_cannot_be_used_is_refused(source, key):
    answer = source.post(INVOICES, factories.invoice("A-1"), **{"idempotency-key": key})

    assert answer.status_code == 400
    assert answer.json()["type"].endswith("#idempotency-key-wrong")
    assert not Invoice.objects.exists()


def begun(tenant, body, **fields):
    """A first request that is under way, or died."""
    request = type("Request", (), {"method": "POST", "path": INVOICES})
    now = timezone.now()
    return ApiAnswer.objects.create(
        tenant=tenant,
        key="0b1f4d9e-5b4e",
        fingerprint=first_answers.fingerprint_of(request, body),
        **{"started_at": now, "lease_until": now + first_answers.LEASE} | fields,
    )


def test_while_the_first_is_under_way_a_repeat_has_to_wait(source, tenant):
    begun(tenant, b"{}")

    answer = source.post(INVOICES, b"{}", **KEY)

    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert answer.json()["type"].endswith("#request-in-progress")


def test_first_that_died_is_taken_over_by_the_repeat(source, tenant):
    begun(tenant, b"{}", lease_until=timezone.now() - dt.timedelta(seconds=1))

    assert source.post(INVOICES, b"{}", **KEY).status_code == 422
    assert ApiAnswer.objects.get().status == 422


def test_key_is_free_again_when_the_work_broke(source, monkeypatch):
    def broken(*args, **kwargs):
        raise RuntimeError("no disk")

    with monkeypatch.context() as patched:
        patched.setattr("invoices.filing.file_invoices", broken)
        assert source.post(INVOICES, factories.invoice("A-1"), **KEY).status_code == 500
    assert not ApiAnswer.objects.exists()

    assert source.post(INVOICES, factories.invoice("A-1"), **KEY).status_code == 201


def test_answer_that_cannot_be_kept_leaves_no_invoice(source, monkeypatch):
    monkeypatch.setattr("invoices.api.first_answers.zlib.compress", lambda content: 1 / 0)

    assert source.post(INVOICES, factories.invoice("A-1"), **KEY).status_code == 500
    assert not Invoice.objects.exists()


def test_answers_are_kept_for_two_days_and_then_forgotten(source):
    source.post(INVOICES, factories.invoice("A-1"), **KEY)

    with time_machine.travel(timezone.now() + dt.timedelta(hours=47)):
        assert first_answers.forget() == 0
    with time_machine.travel(timezone.now() + dt.timedelta(hours=49)):
        assert first_answers.forget() == 1
    assert source.post(INVOICES, factories.invoice("A-1"), **KEY).status_code == 200
