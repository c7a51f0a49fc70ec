"""The proof of last use: every figure is counted from rows, and none of them is the key."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.utils import timezone

from integrations import custody, offboarding, proof, replies
from integrations.clients import CachedTokens
from integrations.models import ConnectionCheck
from invoices import engine
from invoices.models import AuditEvent, SubmissionAttempt
from tests import factories
from tests.integrations.test_offboarding import close

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
    assert {use.kind for use in found.uses if use.last_at} == {"check"}


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
