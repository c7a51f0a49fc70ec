"""The proof of last use: every figure is counted from rows, and none of them is the key."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import cache
from django.utils import timezone

from integrations import custody, key_uses, offboarding, proof, replies
from integrations.clients import CachedTokens
from integrations.key_use_models import KeyUse
from integrations.models import ConnectionCheck
from invoices import engine
from invoices.correction_models import EnteredByHand
from invoices.models import AuditEvent, SubmissionAttempt
from tests import factories
from tests.integrations.test_offboarding import close
from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db


@pytest.fixture
def support():
    return factories.UserFactory(username="maija", role="Support")


@pytest.mark.django_db(transaction=True)
def test_proof_counts_uses_and_exports_from_the_rows(tenant, queued, support):
    queued("A-1", "A-2")
    engine.run_lane(tenant.pk)
    close(tenant, support)

    found = proof.proof_of(tenant)

    attempts = SubmissionAttempt.objects.order_by("started_at")
    uses = {use.kind: use for use in found.uses}
    assert uses["submit"].last_at == attempts.last().started_at
    assert uses["check"].last_at == ConnectionCheck.objects.latest("started_at").started_at
    assert uses["read_back"].last_at is not None
    assert (uses["look_up"].last_at, uses["step"].last_at) == (None, None)
    assert found.last_use.last_at == max(u.last_at for u in uses.values() if u.last_at)
    assert (found.uses_after, found.evidence.exported) == (0, 2)
    assert [key for key, _last in found.keys] == [tenant.active_credential]
    assert found.keys[0][1] == attempts.last().started_at
    assert [event.action for event in found.evidence.events] == [
        "credential.filed",
        "tenant.closed",
    ]
    assert found.evidence.events[-1].number == AuditEvent.objects.get(action="tenant.closed").pk


def test_use_after_the_end_is_counted_and_not_denied(tenant, support):
    close(tenant, support)
    ConnectionCheck.objects.create(
        tenant=tenant, credential=tenant.active_credential, started_at=timezone.now()
    )

    found = proof.proof_of(tenant)

    assert found.uses_after == 1
    assert found.last_use.kind == "check"


def test_proof_of_one_tenant_knows_nothing_of_another(tenant, make_tenant, queued, support):
    queued("A-1")
    engine.run_lane(tenant.pk)
    other = make_tenant(name="Beta Oy", business_id="0112038-9")
    close(other, support)

    found = proof.proof_of(other)

    assert (found.evidence.exported, len(found.keys)) == (0, 1)
    assert {use.kind for use in found.uses if use.last_at} == {"check", "token"}


def uses_of(tenant):
    return {use.kind: use for use in proof.proof_of(tenant).uses}


@pytest.mark.django_db(transaction=True)
def test_request_for_a_token_that_is_refused_is_a_use(tenant, queued):
    queued("A-1")
    before = uses_of(tenant)["token"].last_at
    tenant.company.revoke()
    cache.clear()  # of access tokens

    engine.run_lane(tenant.pk)

    found = proof.proof_of(tenant)
    assert SubmissionAttempt.objects.count() == 0
    assert found.last_use.kind == "token"
    assert found.last_use.last_at > before
    assert found.keys[0][1] == found.last_use.last_at


@pytest.mark.django_db(transaction=True)
def test_reading_back_that_failed_is_a_use(tenant, queued, sandbox):
    queued("A-1")
    sandbox.fault("status", status=500, method="GET", path="/invoices", times=5)

    engine.run_lane(tenant.pk)

    found = uses_of(tenant)
    assert found["read_back"].last_at >= found["submit"].last_at
    assert not AuditEvent.objects.filter(action="export.reconciled").exists()


def test_noted_use_after_the_end_is_counted_for_that_end_only(tenant, support):
    key = tenant.active_credential
    close(tenant, support)
    for _use in range(3):
        key_uses.note(key, KeyUse.Kind.TOKEN)
    assert proof.proof_of(tenant).uses_after == 3

    offboarding.reopen(tenant, by=support, reason="x")
    key_uses.note(key, KeyUse.Kind.TOKEN)
    close(tenant, support)

    assert proof.proof_of(tenant).uses_after == 0
    assert KeyUse.objects.filter(kind="token").count() == 2


def test_look_up_of_a_number_given_by_hand_is_a_use(tenant, queued, support):
    (export,) = queued("A-1")
    moment = timezone.now()
    EnteredByHand.objects.create(
        export=export, remote_number=1, by=support, at=moment, finished_at=moment, state="absent"
    )

    assert uses_of(tenant)["look_up"].last_at == moment


def test_end_that_the_tenant_does_not_know_is_taken_from_the_audit_trail(tenant, support):
    close(tenant, support)
    moment = tenant.closed_at
    type(tenant).objects.update(closed_at=None)
    tenant.refresh_from_db()
    key_uses.note(tenant.active_credential, KeyUse.Kind.TOKEN)

    found = proof.proof_of(tenant)

    assert abs(found.ended_at - moment) < dt.timedelta(seconds=5)
    assert (found.is_countable, found.uses_after) == (True, 1)


@pytest.mark.parametrize(
    ("language", "words"), [("en", "not known"), ("fi", "ei tiedossa"), ("sv", "inte känt")]
)
def test_end_that_nobody_noted_is_not_proof_of_no_use(client, tenant, language, words):
    type(tenant).objects.update(state="closed")
    tenant.refresh_from_db()
    found = proof.proof_of(tenant)

    assert (found.is_countable, found.ended_at) == (False, None)
    assert words in replies.ending_of(found, language).body
    log_in(client, "Support")
    shown = text(client.get(url("integrations_tenant_proof", tenant.pk)))
    assert "Not known: nobody noted when the connection ended." in shown


def test_proof_says_when_the_secret_goes_and_when_it_went(tenant, support):
    close(tenant, support)
    before = proof.proof_of(tenant)
    offboarding.destroy_now(tenant, by=support, reason="x")
    after = proof.proof_of(tenant)

    assert (len(before.held), before.destroyed_at) == (1, None)
    assert (after.held, after.destroyed_at) == ([], tenant.credentials.get().destroyed_at)


@pytest.mark.parametrize("language", ["fi", "sv", "en"])
def test_letter_has_the_figures_and_how_to_revoke_the_key(tenant, support, language):
    key = tenant.active_credential
    close(tenant, support)

    letter_ = replies.ending_of(proof.proof_of(tenant), language)

    assert "{" not in letter_.subject + letter_.body
    assert f"…{key.last_four}" in letter_.body
    assert "2077474-0" in letter_.body
    assert "API" in letter_.body
    assert "flashnodeClient" in letter_.body
    assert key.fingerprint not in letter_.body


def test_secret_is_in_nothing_that_offboarding_leaves_behind(tenant, support):
    key = custody.open_api_key(tenant.active_credential)
    token = CachedTokens(tenant.active_credential).get().value
    close(tenant, support)
    offboarding.destroy_now(tenant, by=support, reason="x")

    found = proof.proof_of(tenant)
    said = str(list(AuditEvent.objects.values_list("data", flat=True))) + repr(found)
    said += replies.ending_of(found, "en").body

    assert key not in said
    assert token not in said
    assert cache.get(f"access-token:{tenant.credentials.get().pk}") is None
