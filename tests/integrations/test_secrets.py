"""Sealed API keys: what is stored, what opens, what is refused."""

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.db import connection, transaction
from django.db.models import F, Value

from integrations import custody
from integrations.models import Credential
from integrations.secrets import Sealed, SecretUnreadable, fingerprint, seal
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def key():
    return factories.api_key()


@pytest.fixture
def credential(key):
    return custody.file_api_key(factories.TenantFactory(), key, via="email")


def stored_bytes(credential):
    with connection.cursor() as cursor:
        cursor.execute("SELECT api_key FROM integrations_credential WHERE id = %s", [credential.pk])
        return bytes(cursor.fetchone()[0])


def test_stored_key_is_ciphertext_and_opens_for_its_tenant(credential, key):
    loaded = Credential.objects.get(pk=credential.pk)

    assert key.encode() not in stored_bytes(credential)
    assert custody.open_api_key(loaded) == key


def test_ciphertext_copied_to_another_tenant_does_not_open(credential):
    other = factories.TenantFactory(name="Beta Oy", business_id="0112038-9")
    stolen = Credential(tenant=other, api_key=Credential.objects.get().api_key)

    with pytest.raises(SecretUnreadable, match="another tenant"):
        custody.open_api_key(stolen)


def test_key_sealed_under_an_older_fernet_key_opens_and_can_be_resealed(settings, key):
    sealed = seal(key, 1)
    old = settings.FERNET_KEYS
    settings.FERNET_KEYS = [Fernet.generate_key().decode(), *old]

    resealed = sealed.resealed()

    assert sealed.open(1) == key
    settings.FERNET_KEYS = settings.FERNET_KEYS[:1]
    assert resealed.open(1) == key
    with pytest.raises(SecretUnreadable):
        sealed.open(1)


def test_loaded_key_shows_nothing_when_printed_or_dumped(credential, key):
    loaded = Credential.objects.get(pk=credential.pk)

    shown = f"{loaded.api_key!r} {loaded.api_key} {serializers.serialize('json', [loaded])}"

    assert key not in shown
    assert key[:20] not in shown


@pytest.mark.parametrize("value", ["clear text", F("last_four"), Value("clear text"), 5, b"x"])
def test_bulk_update_with_anything_but_a_sealed_value_is_refused(credential, value):
    before = stored_bytes(credential)

    with pytest.raises(TypeError, match="sealed value only"), transaction.atomic():
        Credential.objects.update(api_key=value)

    assert stored_bytes(credential) == before


def test_bulk_update_of_models_is_refused_and_leaves_the_key(credential, key):
    with pytest.raises(TypeError, match="sealed value only"), transaction.atomic():
        Credential.objects.bulk_update([credential], ["api_key"])

    assert custody.open_api_key(Credential.objects.get()) == key


def test_update_with_a_sealed_value_stores_it(credential):
    Credential.objects.update(api_key=seal("another-key", credential.tenant_id))

    assert custody.open_api_key(Credential.objects.get()) == "another-key"


def test_sealed_value_is_not_made_from_text_by_loading_a_dump(credential):
    dumped = serializers.serialize("json", [credential])

    with pytest.raises(serializers.base.DeserializationError):
        list(serializers.deserialize("json", dumped))


def test_fingerprint_depends_on_its_own_key(settings, key):
    before = fingerprint(key)
    settings.FINGERPRINT_KEY = "another"

    assert (len(before), fingerprint(key) == before) == (64, False)


def test_sealed_has_no_clear_text_inside(key):
    assert key.encode() not in Sealed(seal(key, 1).token).token
