"""Many at once: whoever decides and whichever task tells it, Procountor hears it once."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from integrations import tasks
from integrations.activation import activation_decisions, activations
from integrations.activation.activation_decisions import Decision
from integrations.activation.models import ActivationRequest
from integrations.models import Credential, Tenant
from tests import factories

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*works):
    """Run each in a thread and a database connection of its own; their results in order."""
    start = threading.Barrier(len(works))
    results = [None] * len(works)

    def run(place, work):
        try:
            start.wait()
            results[place] = work()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=item) for item in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_people_and_tasks_at_once_make_one_decision_one_put_and_one_key_a_company(
    sandbox, asked, alfa, beta
):
    users = [factories.UserFactory() for _person in range(3)]
    approve = {company.pk: Decision(True) for company in asked.companies.all()}

    decided = at_once(
        *(lambda user=user: activation_decisions.decide(asked, approve, by=user) for user in users)
    )
    at_once(*(lambda: tasks.submit_activation(asked.pk) for _task in range(4)))

    puts = [r for r in sandbox.requests if r[1] == "PUT"]
    assert (sorted(decided), len(puts)) == ([False, False, True], 1)
    assert (Credential.objects.count(), Tenant.objects.count()) == (2, 2)
    assert asked.companies.filter(credential=None).count() == 0
    assert ActivationRequest.objects.get().state == "decided"


def test_browsers_at_once_record_a_number_once(sandbox, integrator):
    recorded = at_once(*(lambda: activations.record("test", 7) for _browser in range(4)))

    assert len({row.pk for row, _is_new in recorded}) == 1
    assert sum(is_new for _row, is_new in recorded) == 1
