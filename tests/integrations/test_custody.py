"""Filing API keys: what is refused and why, what takes the place of what."""

import pytest

from integrations import custody
from integrations.keydesk import KeyRefused, claims_of, clean
from integrations.models import Credential
from invoices.models import AuditEvent
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme():
    return factories.TenantFactory()


def refusal(tenant, key):
    with pytest.raises(KeyRefused) as caught:
        custody.file_api_key(tenant, key, via="email")
    return caught.value


def test_filed_key_is_known_by_last_four_claims_and_fingerprint(acme):
    key = factories.api_key(cid=789, jti="the-id")

    credential = custody.file_api_key(acme, key, via="email")

    assert credential.last_four == key[-4:]
    assert credential.claims["cid"] == "789"
    assert credential.claims["jti"] == "the-id"
    assert credential.claims["iat"].startswith("2025-10-09")
    assert len(credential.fingerprint) == 64


def test_key_wrapped_by_a_mail_program_is_filed_whole(acme):
    key = factories.api_key()
    wrapped = f"  {key[:40]}\r\n{key[40:70]}\u200b\u00a0{key[70:]}\n"

    credential = custody.file_api_key(acme, wrapped, via="email")

    assert custody.open_api_key(credential) == key


def test_new_key_supersedes_the_old_one(acme):
    old = custody.file_api_key(acme, factories.api_key(), via="email")
    new = custody.file_api_key(acme, factories.api_key(), via="phone")

    old.refresh_from_db()
    assert (old.state, new.state) == ("superseded", "active")
    assert old.superseded_at is not None
    assert acme.active_credential == new


def test_filing_the_active_key_again_changes_nothing(acme):
    key = factories.api_key()
    first = custody.file_api_key(acme, key, via="email")

    assert custody.file_api_key(acme, key, via="email") == first
    assert Credential.objects.count() == 1


def test_superseded_key_is_not_taken_back(acme):
    key = factories.api_key()
    custody.file_api_key(acme, key, via="email")
    custody.file_api_key(acme, factories.api_key(), via="email")

    assert refusal(acme, key).code == "superseded"


def test_key_of_the_other_environment_is_refused_with_the_remedy(acme):
    error = refusal(acme, factories.api_key(iss="https://api.procountor.com"))

    assert error.code == "wrong_environment"
    assert "make a new API key in the test environment" in str(error)
    assert Credential.objects.count() == 0


def test_key_for_another_client_id_is_refused_naming_both(acme):
    error = refusal(acme, factories.api_key(aud="someoneElse"))

    assert error.code == "wrong_client"
    assert "someoneElse" in str(error)
    assert "flashnodeClient" in str(error)


def test_key_filed_under_another_tenant_is_refused(acme):
    key = factories.api_key()
    custody.file_api_key(acme, key, via="email")
    beta = factories.TenantFactory(name="Beta Oy", business_id="0112038-9")

    error = refusal(beta, key)

    assert error.code == "filed_elsewhere"
    assert "Acme Oy" in str(error)
    assert beta.credentials.count() == 0


def test_empty_key_is_refused(acme):
    assert refusal(acme, " \u200b \n").code == "empty"


@pytest.mark.parametrize("key", ["opaque-key-without-claims", "a.b.c", "a.W10.c", "ä.ö.å"])
def test_key_that_does_not_decode_is_accepted_without_claims(acme, key):
    assert custody.file_api_key(acme, key, via="email").claims == {}


def test_refusal_never_repeats_the_key(acme):
    key = factories.api_key(aud="someoneElse")

    assert key not in str(refusal(acme, key))


def test_filing_leaves_an_audit_event_without_the_key(acme):
    key = factories.api_key()
    user = factories.UserFactory()

    custody.file_api_key(acme, key, via="email", by=user)

    event = AuditEvent.objects.get(action="credential.filed")
    assert (event.by, event.tenant, event.data["last_four"]) == (user, acme, key[-4:])
    assert key not in str(event.data)


def test_claims_with_wrong_types_are_read_as_empty():
    claims = claims_of(factories.api_key(cid=None, iat="soon", sub=["x", "y"], aud=["one"]))

    assert (claims.company_id, claims.issued_at, claims.subject) == ("", None, "")
    assert claims.audience == "one"


def test_clean_keeps_every_visible_character():
    assert clean("ab\u200bc \t\ufeffd") == "abcd"
