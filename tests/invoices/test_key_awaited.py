"""A customer that has sent a new key, or whose key we cannot open, is not asked for one."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from integrations import custody, diagnosis
from integrations.models import Credential
from integrations.secrets import seal
from invoices import engine
from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db(transaction=True)

ASKED = "Please make a new one and send it to us."


@pytest.fixture
def parked(tenant, queued):
    """An export that waits because Procountor refused the key."""
    (export,) = queued("A-1")
    tenant.company.revoke()
    cache.clear()  # of access tokens
    engine.run_lane(tenant.pk)
    export.refresh_from_db(), tenant.refresh_from_db()
    assert (export.status, tenant.pause_reason) == ("parked", "credential")
    return export


def shown(client, export):
    log_in(client, "Accountant")
    return text(client.get(url("invoices_invoiceexport_change", export.pk)))


def test_refused_key_is_asked_for_until_a_new_one_is_filed(client, tenant, parked):
    assert ASKED in shown(client, parked)

    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    assert ASKED not in shown(client, parked)


def test_key_that_we_cannot_open_is_not_asked_for(client, tenant, parked):
    Credential.objects.update(api_key=seal("key", "another owner"))
    diagnosis.run_check(tenant)

    assert ASKED not in shown(client, parked)


def test_check_of_a_replaced_key_asks_the_customer_for_nothing(client, tenant, parked):
    diagnosis.run_check(tenant)
    log_in(client, "Support")
    page = url("integrations_tenant_change", tenant.pk)
    assert "then make a new API key and send it to us" in text(client.get(page))

    custody.file_api_key(tenant, tenant.company.new_api_key(), via="email")

    after = text(client.get(page))
    assert "then make a new API key and send it to us" not in after
    assert "This check is of a key that has been replaced since." in after
