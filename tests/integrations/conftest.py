"""A customer's activation request in the sandbox, and our own company that may decide it."""

from __future__ import annotations

import pytest

from integrations.activation import activations
from integrations.activation.models import ActivationRequest

INITIATOR = {"email": "maija@example.com", "userFullName": "Maija Mallikas"}


@pytest.fixture
def integrator(sandbox, settings):
    """Our own company in Procountor, and the settings that name its key."""
    ours = sandbox.add_company(name="Flashnode Oy", business_id="5678901-2")
    sandbox.activations.integrator_id = ours.id
    config = settings.PROCOUNTOR["test"] | {
        "integrator_api_key": ours.api_key,
        "activation_parameter": "requestId",
        "activation_link": "https://procountor.example/activate/flashnode",
    }
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}
    return ours


@pytest.fixture
def alfa(sandbox, integrator):
    return sandbox.add_company(name="Alfa Oy", business_id="2077474-0")


@pytest.fixture
def beta(sandbox, integrator):
    return sandbox.add_company(name="Beta Oy", business_id="0112038-9")


@pytest.fixture
def activation(sandbox, alfa, beta):
    """What a customer asked for in Procountor: two companies."""
    return sandbox.activate(alfa, beta, initiator=INITIATOR, accounting_office="Tilitoimisto Oy")


@pytest.fixture
def asked(db, activation):
    """The request here, as Procountor tells it."""
    asked, _is_new = activations.record("test", activation.id)
    activations.fetch(asked)
    return ActivationRequest.objects.get()
