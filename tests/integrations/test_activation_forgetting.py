"""Who asked for an activation is forgotten once the request has been over for thirty days."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.utils import timezone

from integrations import tasks
from integrations.activation import activations
from integrations.activation.models import ActivationRequest
from invoices.models import AuditEvent
from tests import factories
from tests.integrations.test_activations import decide
from tests.staff import log_in, text, url

pytestmark = pytest.mark.django_db


def after(days):
    """The daily task, so many days from now."""
    with time_machine.travel(timezone.now() + dt.timedelta(days=days)):
        tasks.watch_integrations()
    asked = ActivationRequest.objects.get()
    return asked.initiator_name, asked.initiator_email


WHO = ("Maija Mallikas", "maija@example.com")


@pytest.mark.parametrize("state", ["expired", "unknown", "refused", "closed"])
def test_request_that_is_over_keeps_its_initiator_for_thirty_days(asked, state):
    ActivationRequest.objects.update(state=state)

    assert (after(0), after(29)) == (WHO, WHO)
    assert after(31) == ("", "")


def test_decision_counts_from_its_answer(asked, alfa, beta):
    decide(asked, approve=[alfa], reject=[beta])

    assert (after(29), after(31)) == (WHO, ("", ""))


def test_fact_is_kept(asked, alfa, beta, client):
    decide(asked, approve=[alfa], reject=[beta])
    after(31)
    log_in(client, "Support")

    page = text(client.get(url("integrations_activationrequest_change", asked.pk)))

    assert "Name and e-mail were deleted on" in page
    assert "Maija" not in page.replace("Maija Mallikas (you)", "")
    assert "Alfa Oy" in page
    event = AuditEvent.objects.get(action="activation.initiator_forgotten")
    assert "Maija" not in str(event.data) and event.data["request"] == asked.number


def test_request_that_waits_for_us_keeps_its_initiator(asked):
    assert after(300) == WHO


def test_request_that_was_never_decided_is_over_when_it_expires(asked):
    ActivationRequest.objects.update(expires="2026-01-31T12:00:00+02:00")

    assert (after(0), after(31)) == (WHO, ("", ""))


@pytest.mark.parametrize("expires", ["", "soon", "2026-02-31", "9999-12-31", "2026-13-99T99:00"])
def test_end_that_cannot_be_read_or_is_to_come_ends_nothing(asked, expires):
    ActivationRequest.objects.update(expires=expires)

    assert (after(0), after(300)) == (WHO, WHO)


def test_request_that_is_taken_up_again_keeps_it(asked):
    by = factories.UserFactory()
    activations.set_aside(asked, "x", by=by)
    after(0)
    activations.record("test", asked.number, by=by)

    assert after(31) == WHO


def test_second_day_has_nothing_left_to_do(asked):
    ActivationRequest.objects.update(state="expired")
    after(0)
    after(31)
    after(32)

    assert AuditEvent.objects.filter(action="activation.initiator_forgotten").count() == 1
