"""Activation requests from the browser's callback to filed keys, against the sandbox."""

from __future__ import annotations

import datetime as dt

import pytest
import time_machine
from django.db import connection
from django.utils import timezone
from django_q.models import OrmQ

from integrations import custody, tasks
from integrations.activation import activation_decisions, activations
from integrations.activation.activation_decisions import Decision, DecisionUnfit
from integrations.activation.models import ActivationCompany, ActivationRequest
from integrations.models import Credential, Tenant
from invoices.models import AuditEvent
from invoices.watch_models import Alert
from tests import factories

pytestmark = pytest.mark.django_db

PATH = "/integrations"
GET, PUT = {"method": "GET", "path": PATH}, {"method": "PUT", "path": PATH}


def state_of(asked):
    asked.refresh_from_db()
    return asked.state


def company_of(asked, company):
    return asked.companies.get(remote_id=company.id)


def decide(asked, approve=(), reject=(), by=None):
    """Decide and tell Procountor, as page and task do; returns the state."""
    by = by or factories.UserFactory()
    decisions = {company_of(asked, company).pk: Decision(True) for company in approve}
    decisions |= {
        company_of(asked, company).pk: Decision(False, "Ei sopimusta") for company in reject
    }
    assert activation_decisions.decide(asked, decisions, by=by)
    return tasks.submit_activation(asked.pk)


def again(asked):
    assert activation_decisions.ask_again(asked, by=factories.UserFactory())
    return tasks.submit_activation(asked.pk)


def puts(sandbox):
    return [r for r in sandbox.requests if r[1] == "PUT" and r[2].startswith(PATH)]


def actions():
    return list(AuditEvent.objects.order_by("pk").values_list("action", flat=True))


# --- What is requested -------------------------------------------------------------------------


def test_request_is_read_with_companies_and_initiator(asked, alfa, beta):
    assert (asked.state, asked.initiator_name, asked.initiator_email) == (
        "known", "Maija Mallikas", "maija@example.com",
    )  # fmt: skip
    assert list(
        asked.companies.values_list("remote_id", "name", "business_id", "accounting_office")
    ) == [
        (alfa.id, "Alfa Oy", "2077474-0", "Tilitoimisto Oy"),
        (beta.id, "Beta Oy", "0112038-9", "Tilitoimisto Oy"),
    ]
    assert asked.expires.startswith(str(timezone.localdate() + dt.timedelta(days=7)))


@pytest.mark.parametrize(
    ("number", "prepare", "state", "trouble"),
    [
        (7, lambda s, a: None, "unknown", "http_404"),
        (None, lambda s, a: s.activations.expire(a.id), "expired", "http_410"),
        (None, lambda s, a: setattr(s.activations, "integrator_id", 1), "refused", "http_403"),
        (None, lambda s, a: s.fault("html_500", **GET), "received", "not_answering"),
    ],
)  # fmt: skip
def test_each_answer_about_a_request_has_its_state(
    sandbox, activation, number, prepare, state, trouble
):
    prepare(sandbox, activation)
    asked, _is_new = activations.record("test", number or activation.id)

    activations.fetch(asked)

    assert (asked.state, asked.trouble) == (state, trouble)


def test_our_own_key_that_is_missing_or_refused_is_named(sandbox, integrator, activation, settings):
    asked, _is_new = activations.record("test", activation.id)
    integrator.revoke()
    activations.fetch(asked)
    assert (asked.state, asked.trouble) == ("received", "integrator_key_refused")

    config = settings.PROCOUNTOR["test"] | {"integrator_api_key": ""}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}
    activations.fetch(asked)
    assert (asked.state, asked.trouble) == ("received", "no_integrator_key")


def test_request_read_again_has_the_companies_of_now(sandbox, asked, activation, alfa):
    activation.companies.remove(activation.companies[1])

    activations.fetch(asked)

    assert list(asked.companies.values_list("remote_id", flat=True)) == [alfa.id]


# --- Deciding ----------------------------------------------------------------------------------


def test_two_companies_go_to_an_existing_and_a_new_tenant(
    sandbox, asked, alfa, beta, django_capture_on_commit_callbacks
):
    existing = factories.TenantFactory(name="Alfa here", business_id="2077474-0")
    user = factories.UserFactory()

    with django_capture_on_commit_callbacks(execute=True):
        assert decide(asked, approve=[alfa, beta], by=user) == "decided"

    made = Tenant.objects.get(business_id="0112038-9")
    assert (made.name, made.environment, made.contact_email) == (
        "Beta Oy", "test", "maija@example.com",
    )  # fmt: skip
    for tenant, company in ((existing, alfa), (made, beta)):
        credential = tenant.credentials.get()
        assert (credential.received_via, credential.received_by) == ("activation", user)
        assert custody.open_api_key(credential) == company.technical_key()
        assert company_of(asked, company).api_key is None
    assert {task.func() for task in OrmQ.objects.all()} == {"integrations.tasks.check_connection"}
    assert OrmQ.objects.count() == 2
    assert len(puts(sandbox)) == 1
    assert set(actions()) >= {"activation.decided", "activation.answered", "credential.filed"}


def test_key_of_a_tenant_whose_key_works_is_a_candidate(asked, alfa, beta, make_tenant):
    tenant = make_tenant(name="Gamma Oy", business_id="1234567-1")
    older = tenant.active_credential
    ActivationCompany.objects.filter(remote_id=alfa.id).update(business_id="1234567-1")

    decide(asked, approve=[alfa], reject=[beta])

    assert tenant.active_credential == older
    assert tenant.candidate.last_four == alfa.technical_key()[-4:]


def test_rejected_company_gets_its_reason_and_no_tenant(sandbox, asked, activation, alfa, beta):
    decide(asked, approve=[alfa], reject=[beta])

    assert activation.decisions == {alfa.id: "", beta.id: "Ei sopimusta"}
    assert sandbox.activations.customers[beta.id] == "REJECTED"
    assert list(Tenant.objects.values_list("name", flat=True)) == ["Alfa Oy"]


def test_decision_must_name_every_company_and_only_those(asked, alfa):
    with pytest.raises(DecisionUnfit):
        decide(asked, approve=[alfa])

    assert (state_of(asked), "activation.decided" in actions()) == ("known", False)


def test_two_people_at_once_make_one_decision_and_one_put(sandbox, asked, activation, alfa, beta):
    first, second = factories.UserFactory(), factories.UserFactory()
    pks = [company.pk for company in asked.companies.all()]
    approve = {pk: Decision(True) for pk in pks}
    reject = {pk: Decision(False, "Ei") for pk in pks}

    assert activation_decisions.decide(asked, approve, by=first)
    assert not activation_decisions.decide(asked, reject, by=second)
    for _task in range(3):
        tasks.submit_activation(asked.pk)

    assert state_of(asked) == "decided"
    assert (asked.decided_by, len(puts(sandbox))) == (first, 1)
    assert activation.decisions == {alfa.id: "", beta.id: ""}


@pytest.mark.parametrize(
    ("prepare", "state", "trouble"),
    [
        (lambda s, a: a.companies.pop(), "known", "http_400"),
        (lambda s, a: setattr(s.activations, "integrator_id", 1), "refused", "http_403"),
        (lambda s, a: s.activations.requests.clear(), "unknown", "http_404"),
        (lambda s, a: s.activations.expire(a.id), "expired", "http_410"),
        (lambda s, a: s.fault("rate_limited", **PUT), "known", "not_answering"),
        (lambda s, a: s.fault("status", status=422, **PUT), "known", "unexpected"),
    ],
)  # fmt: skip
def test_decision_that_is_certainly_not_taken_goes_back_to_a_person(
    sandbox, asked, activation, alfa, beta, prepare, state, trouble
):
    prepare(sandbox, activation)

    assert decide(asked, approve=[alfa, beta]) == state
    asked.refresh_from_db()
    assert (asked.trouble, Credential.objects.count()) == (trouble, 0)
    assert asked.answer_lost_at is None


def test_after_a_400_the_companies_of_now_are_decided_anew(sandbox, asked, activation, alfa, beta):
    activation.companies.pop()
    decide(asked, approve=[alfa, beta])

    assert list(asked.companies.values_list("remote_id", flat=True)) == [alfa.id]
    assert decide(asked, approve=[alfa]) == "decided"


# --- A lost answer -----------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["html_500", "reset", "not_json", "drop_mid_body"])
@pytest.mark.parametrize("took_effect", [True, False])
def test_lost_answer_is_asked_for_again_and_brings_one_credential(
    sandbox, asked, alfa, beta, kind, took_effect
):
    sandbox.fault(kind, method="PUT", path=PATH, after_effect=took_effect)
    assert decide(asked, approve=[alfa], reject=[beta]) == "lost"
    assert Credential.objects.count() == 0

    assert again(asked) == "decided"

    assert Credential.objects.get().last_four == alfa.technical_key()[-4:]
    assert asked.companies.filter(problem="").count() == 2
    assert actions().count("activation.answer_lost") == 1


def test_worker_killed_between_answer_and_filing_leaves_a_question_to_ask_again(
    sandbox, asked, alfa, beta, monkeypatch
):
    class Killed(BaseException):
        pass

    def die(*args):
        raise Killed

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(activation_decisions, "settle", die)
        decide(asked, approve=[alfa, beta])
    assert (state_of(asked), len(puts(sandbox))) == ("deciding", 1)
    assert tasks.submit_activation(asked.pk) == "deciding"
    assert activation_decisions.follow() == []

    later = timezone.now() + activation_decisions.ANSWER_IS_LOST_AFTER + dt.timedelta(seconds=1)
    with time_machine.travel(later):
        tasks.follow_activations()
    assert state_of(asked) == "lost"
    assert again(asked) == "decided"

    assert (Credential.objects.count(), len(puts(sandbox))) == (2, 2)


def test_worker_killed_while_filing_goes_on_with_the_sealed_keys(
    sandbox, asked, alfa, beta, monkeypatch, django_capture_on_commit_callbacks
):
    class Killed(BaseException):
        pass

    real = custody.file_api_key

    def die_at_the_second(*args, **kwargs):
        if Credential.objects.exists():
            raise Killed
        return real(*args, **kwargs)

    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(custody, "file_api_key", die_at_the_second)
        decide(asked, approve=[alfa, beta])
    assert (state_of(asked), Credential.objects.count()) == ("decided", 1)

    assert activation_decisions.follow() == [asked.pk]
    tasks.submit_activation(asked.pk)

    assert (Credential.objects.count(), len(puts(sandbox))) == (2, 1)
    assert Tenant.objects.count() == 2


def test_decision_whose_task_was_lost_is_sent_by_the_next_round(sandbox, asked, alfa, beta):
    decisions = {company.pk: Decision(True) for company in asked.companies.all()}
    activation_decisions.decide(asked, decisions, by=factories.UserFactory())
    OrmQ.objects.all().delete()

    tasks.follow_activations()

    (task,) = OrmQ.objects.all()
    assert (task.func(), task.task["args"]) == (
        "integrations.tasks.submit_activation",
        (asked.pk,),
    )


def test_refusal_after_a_lost_answer_does_not_undo_the_doubt(sandbox, asked, alfa, beta):
    sandbox.activations.is_decided_once = True
    sandbox.fault("reset", method="PUT", path=PATH, after_effect=True)
    decide(asked, approve=[alfa, beta])

    assert again(asked) == "lost"

    asked.refresh_from_db()
    assert asked.trouble == "http_404"


@pytest.mark.parametrize("state", ["lost", "closed"])
def test_late_answer_of_a_worker_given_up_is_still_taken(sandbox, asked, alfa, beta, state):
    decisions = {company.pk: Decision(True) for company in asked.companies.all()}
    activation_decisions.decide(asked, decisions, by=factories.UserFactory())
    ActivationRequest.objects.update(state=state, answer_lost_at=timezone.now())
    client = activation_decisions.integrator_for("test")
    answer = client.decide_activation(asked.number, approve=[alfa.id, beta.id], reject={})

    assert activation_decisions.settle(asked, answer)
    assert not activation_decisions.settle(asked, answer)
    assert activation_decisions.file_keys(asked) == 2


# --- Keys that cannot be filed -----------------------------------------------------------------


def test_key_for_a_tenant_closed_meanwhile_is_told_and_kept_until_it_can_be_filed(
    asked, alfa, beta
):
    tenant = factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")

    assert decide(asked, approve=[alfa, beta]) == "decided"

    row = company_of(asked, alfa)
    assert (row.problem, row.api_key is None, tenant.credentials.count()) == ("closed", False, 0)
    assert company_of(asked, beta).credential is not None
    Tenant.objects.filter(pk=tenant.pk).update(state="pending")
    tasks.submit_activation(asked.pk)
    row.refresh_from_db()
    assert (row.problem, row.api_key, row.credential.tenant) == ("", None, tenant)


def test_company_without_a_key_in_the_answer_is_told_and_can_be_asked_for_again(
    sandbox, asked, alfa, beta, monkeypatch
):
    with monkeypatch.context() as patched:
        patched.setattr(alfa, "technical_key", lambda: "")
        assert decide(asked, approve=[alfa, beta]) == "decided"
    assert company_of(asked, alfa).problem == "no_key"

    assert again(asked) == "decided"

    assert company_of(asked, alfa).credential.last_four == alfa.technical_key()[-4:]
    assert Credential.objects.count() == 2


def test_answer_without_a_key_leaves_the_one_that_waits_sealed(asked, alfa, beta, monkeypatch):
    tenant = factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")
    with monkeypatch.context() as patched:
        patched.setattr(beta, "technical_key", lambda: "")
        decide(asked, approve=[alfa, beta])
    with monkeypatch.context() as patched:
        patched.setattr(alfa, "technical_key", lambda: "")
        again(asked)
    assert company_of(asked, alfa).problem == "closed"

    Tenant.objects.filter(pk=tenant.pk).update(state="pending")
    tasks.submit_activation(asked.pk)

    assert company_of(asked, alfa).credential.tenant == tenant
    assert company_of(asked, beta).credential is not None


def test_key_that_names_another_company_is_not_filed(asked, alfa, beta, monkeypatch):
    monkeypatch.setattr(alfa, "technical_key", beta.new_api_key)

    decide(asked, approve=[alfa], reject=[beta])

    assert (company_of(asked, alfa).problem, Credential.objects.count()) == ("other_company", 0)


def test_company_without_a_business_id_is_named_by_its_key(sandbox, asked, alfa, beta):
    ActivationCompany.objects.filter(remote_id=alfa.id).update(business_id="", name="")

    decide(asked, approve=[alfa], reject=[beta])

    tenant = Credential.objects.get().tenant
    assert (tenant.name, tenant.business_id) == ("Alfa Oy", "2077474-0")


def test_company_whose_key_tells_nothing_waits_sealed(sandbox, asked, alfa, beta):
    ActivationCompany.objects.filter(remote_id=alfa.id).update(business_id="")
    sandbox.fault("html_500", method="GET", path="/sessioninfo")
    decide(asked, approve=[alfa], reject=[beta])
    assert company_of(asked, alfa).problem == "company_not_told"

    tasks.submit_activation(asked.pk)

    assert company_of(asked, alfa).credential is not None


def test_keys_nobody_could_file_are_destroyed_in_time(asked, alfa, beta, settings):
    factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")
    decide(asked, approve=[alfa], reject=[beta])
    days = settings.SUPERSEDED_KEY_DAYS

    for age, kept in ((days - 1, True), (days + 1, False)):
        with time_machine.travel(timezone.now() + dt.timedelta(days=age)):
            activation_decisions.forget_unfiled_keys()
        assert (company_of(asked, alfa).api_key is not None) == kept


# --- Numbers nobody knows ----------------------------------------------------------------------


def test_flood_of_numbers_keeps_what_procountor_knows_and_asks_little(sandbox, asked, monkeypatch):
    monkeypatch.setattr(activations, "MOST_UNKNOWN", 5)
    monkeypatch.setattr(activations, "MOST_QUESTIONS_A_MINUTE", 3)
    begun = len(sandbox.requests)

    kept = [activations.record("test", number)[0] for number in range(1, 20)]
    for row in kept:
        if row is not None:
            tasks.fetch_activation(row.pk)

    assert [row is not None for row in kept] == [True] * 5 + [False] * 14
    # The request that Procountor knows was asked about in the same minute.
    asked_about = [r for r in sandbox.requests[begun:] if r[2].startswith(PATH)]
    assert len(asked_about) == 2
    assert activations.record("test", 50)[0] is not None  # for one Procountor does not know
    assert state_of(asked) == "known"
    assert ActivationRequest.objects.count() == 6


def test_number_procountor_does_not_know_is_forgotten_after_a_day(sandbox, asked):
    stranger, _is_new = activations.record("test", 7)
    by_hand, _is_new = activations.record("test", 8, by=factories.UserFactory())
    activations.fetch(stranger)
    activations.fetch(by_hand)

    for age, left in ((dt.timedelta(hours=23), 3), (dt.timedelta(hours=25), 2)):
        with time_machine.travel(timezone.now() + age):
            activations.forget_unknown()
        assert ActivationRequest.objects.count() == left
    assert set(ActivationRequest.objects.values_list("pk", flat=True)) == {asked.pk, by_hand.pk}


def test_numbers_our_company_may_not_see_make_room_and_are_forgotten_in_a_week(
    sandbox, integrator, activation, monkeypatch
):
    monkeypatch.setattr(activations, "MOST_UNKNOWN", 2)
    sandbox.activations.integrator_id = 1
    for number in (1, 2):
        activations.fetch(activations.record("test", number)[0])

    assert activations.record("test", 3)[0] is not None
    assert set(ActivationRequest.objects.values_list("number", flat=True)) == {2, 3}
    for age, left in ((dt.timedelta(days=6), 2), (dt.timedelta(days=8), 1)):
        with time_machine.travel(timezone.now() + age):
            activations.forget_unknown()
        assert ActivationRequest.objects.count() == left


def test_number_is_recorded_once(db):
    first, is_new = activations.record("test", 7)
    again_, is_new_again = activations.record("test", 7)
    other, _is_new = activations.record("production", 7)

    assert (first, is_new, is_new_again) == (again_, True, False)
    assert other != first


@pytest.mark.parametrize(
    ("typed", "number"),
    [
        (" 42 ", 42),
        ("007", 7),
        ("9" * 18, int("9" * 18)),
        ("9" * 19, None),
        ("²", None),
        ("٣", None),
        ("4 2", None),
        ("-1", None),
        ("", None),
    ],
)
def test_number_is_digits_that_fit(typed, number):
    assert activations.number_in(typed) == number


def test_set_aside_is_taken_up_again_by_its_number_and_a_doubt_stays(sandbox, asked, alfa, beta):
    user = factories.UserFactory()
    assert activations.set_aside(asked, "Päällekkäinen", by=user)
    activations.fetch(asked)
    assert state_of(asked) == "closed"
    activations.record("test", asked.number)
    assert state_of(asked) == "closed"
    activations.record("test", asked.number, by=user)
    assert state_of(asked) == "received"

    activations.fetch(asked)
    sandbox.fault("reset", method="PUT", path=PATH)
    decide(asked, approve=[alfa, beta])
    assert activations.set_aside(asked, "Avain tuli sähköpostilla", by=user)
    activations.record("test", asked.number, by=user)
    assert state_of(asked) == "lost"


# --- Afterwards --------------------------------------------------------------------------------


def test_removed_integration_is_in_the_trail_and_alerts_once_until_it_is_back(
    sandbox, asked, alfa, beta
):
    decide(asked, approve=[alfa, beta])
    assert tasks.watch_integrations() == 0
    sandbox.activations.set_status(alfa.id, "DELETED")

    assert [tasks.watch_integrations() for _day in range(2)] == [1, 0]

    tenant = Tenant.objects.get(business_id="2077474-0")
    event = AuditEvent.objects.get(action="integration.removed")
    assert (event.tenant, event.data["status"]) == (tenant, "DELETED")
    alert = Alert.objects.get(cause="integration_removed")
    assert (alert.tenant, alert.recovered_at) == (tenant, None)
    sandbox.activations.set_status(alfa.id, "APPROVED")
    tasks.watch_integrations()
    alert.refresh_from_db()
    assert alert.recovered_at is not None


def test_watch_that_procountor_does_not_answer_changes_nothing(sandbox, asked, alfa, beta, caplog):
    decide(asked, approve=[alfa, beta])
    sandbox.fault("html_500", method="GET", path=PATH)

    assert tasks.watch_integrations() == 0
    assert "customers of the integration (test): http_500" in caplog.text


# --- Secrets -----------------------------------------------------------------------------------


def test_no_key_is_in_clear_in_database_tasks_trail_or_log(
    sandbox, asked, integrator, alfa, beta, caplog, django_capture_on_commit_callbacks
):
    caplog.set_level(0)
    factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")
    sandbox.fault("drop_mid_body", method="PUT", path=PATH, after_effect=True)
    with django_capture_on_commit_callbacks(execute=True):
        decide(asked, approve=[alfa, beta])
        again(asked)
    assert company_of(asked, alfa).api_key is not None  # one that waits sealed

    shown = caplog.text + "".join(str(task.task) for task in OrmQ.objects.all())
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names():
            cursor.execute(f'SELECT * FROM "{table}"')
            shown += str(cursor.fetchall())
    for company in (alfa, beta, integrator):
        for key in (company.api_key, company.technical_key()):
            assert key not in shown
            assert key.split(".")[2] not in shown
