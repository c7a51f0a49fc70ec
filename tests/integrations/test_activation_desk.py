"""The activation desk and the page behind Procountor's callback, as people see them."""

from __future__ import annotations

import pytest
from django.urls import reverse
from django_q.models import OrmQ

from integrations import tasks
from integrations.activation import activations
from integrations.activation.models import ActivationRequest
from integrations.models import Credential, Tenant
from invoices.models import AuditEvent
from tests import factories
from tests.staff import ANONYMOUS, EVERYBODY, log_in, refusal, said, text, url

pytestmark = pytest.mark.django_db

ALLOWED = {"Support", "Administrator"}


def page_of(asked):
    return url("integrations_activationrequest_change", asked.pk)


def filled(asked, **choices):
    """The form as filled in: approve all, or {company name: reason}."""
    fields = {"decide": "1"}
    for company in asked.companies.all():
        reason = choices.get(company.name.split()[0].lower())
        fields[f"choice_{company.pk}"] = "approve" if reason is None else "reject"
        fields[f"reason_{company.pk}"] = reason or ""
    return fields


def queued():
    return [(task.func().rpartition(".")[2], task.task["args"]) for task in OrmQ.objects.all()]


# --- Who may -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rung", EVERYBODY)
def test_desk_opens_for_those_who_file_keys(client, asked, rung):
    log_in(client, rung)
    expected = "log in" if rung == ANONYMOUS else "shown" if rung in ALLOWED else "refused"

    for page in (
        url("integrations_activationrequest_changelist"),
        page_of(asked),
        url("integrations_activationrequest_enter_number"),
        url("integrations_activationrequest_set_aside", asked.pk),
    ):
        assert refusal(client.get(page)) == expected


@pytest.mark.parametrize("rung", EVERYBODY)
@pytest.mark.parametrize("act", ["decide", "again", "file"])
def test_acts_are_for_those_who_file_keys(
    client, asked, rung, act, django_capture_on_commit_callbacks
):
    log_in(client, rung)
    fields = filled(asked) if act == "decide" else {act: "1"}

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(page_of(asked), fields)

    expected = "log in" if rung == ANONYMOUS else "moved" if rung in ALLOWED else "refused"
    assert refusal(answer) == expected
    assert bool(queued()) == (rung in ALLOWED)


def test_seeing_without_deciding_shows_no_buttons(client, asked):
    user = factories.UserFactory(role="Support")
    group = user.groups.get()
    group.permissions.remove(group.permissions.get(codename="decide_activationrequest"))
    client.force_login(user)

    shown = text(client.get(page_of(asked)))

    assert "Alfa Oy" in shown and "Make the tenant Alfa Oy" in shown
    assert "Tell Procountor the decision" not in shown
    assert refusal(client.post(page_of(asked), filled(asked))) == "refused"


# --- Deciding ----------------------------------------------------------------------------------


def test_page_shows_who_asks_and_what_is_proposed(client, asked):
    factories.TenantFactory(name="Alfa here", business_id="2077474-0")
    log_in(client, "Support")

    shown = text(client.get(page_of(asked)))

    for words in (
        "Maija Mallikas", "maija@example.com", "accounting office Tilitoimisto Oy", "2077474-0",
        "File the key for Alfa here", "Make the tenant Beta Oy",
    ):  # fmt: skip
        assert words in shown


def test_from_the_decision_to_the_filed_keys(client, asked, django_capture_on_commit_callbacks):
    log_in(client, "Support")

    with django_capture_on_commit_callbacks(execute=True):
        answer = client.post(page_of(asked), filled(asked, beta="Ei sopimusta"))

    assert (refusal(answer), said(answer)) == ("moved", ["Decided: Procountor is being told."])
    assert queued() == [("submit_activation", (asked.pk,))]
    waiting = text(client.get(page_of(asked)))
    assert "The decision is on its way" in waiting and "location.replace" in waiting
    tasks.submit_activation(asked.pk)
    done = text(client.get(page_of(asked)))
    credential = Credential.objects.get()
    assert f"The key {credential} is filed for Alfa Oy." in done
    assert "Rejected: Ei sopimusta" in done.replace("</span>", "")
    assert "location.replace" not in done
    assert AuditEvent.objects.get(action="activation.decided").data["approved"] == 1


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"choice_0": "reject"}, "Write the reason: Procountor shows it to the customer."),
        ({"choice_0": "reject", "reason_0": "x" * 256}, "at most 255 characters"),
        ({"choice_0": "reject", "reason_0": "Нет 🙂"}, "does not take these characters"),
        ({"choice_0": ""}, "This field is required."),
        ({"choice_0": "both"}, "Select a valid choice"),
    ],
)
def test_decision_that_is_not_whole_is_explained_at_its_field(client, asked, fields, words):
    first = asked.companies.first().pk
    log_in(client, "Support")

    answer = client.post(
        page_of(asked),
        filled(asked) | {name.replace("_0", f"_{first}"): v for name, v in fields.items()},
    )

    assert words in text(answer)
    asked.refresh_from_db()
    assert (asked.state, OrmQ.objects.count()) == ("known", 0)


def test_closed_tenant_cannot_be_approved_and_is_proposed_to_be_rejected(client, asked):
    factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")
    log_in(client, "Support")

    form = client.get(page_of(asked)).context["form"]
    answer = client.post(page_of(asked), filled(asked))

    company = asked.companies.get(name="Alfa Oy")
    assert form.fields[f"choice_{company.pk}"].initial == "reject"
    assert text(answer).count("Alfa Oy is closed: no key is filed for it.") == 2
    asked.refresh_from_db()
    assert asked.state == "known"


def test_company_that_cannot_be_a_tenant_is_told(client, asked):
    asked.companies.filter(name="Alfa Oy").update(business_id="SE556677")
    log_in(client, "Support")

    shown = text(client.get(page_of(asked)))

    assert "No tenant can be made of it" in shown and "SE556677" in shown


def test_warnings_of_a_working_key_and_of_the_other_environment(client, asked, make_tenant):
    make_tenant(name="Alfa here", business_id="2077474-0")
    factories.TenantFactory(name="Beta there", business_id="0112038-9", environment="production")
    log_in(client, "Support")

    shown = text(client.get(page_of(asked)))

    assert "It has a key that works; the new one takes over" in shown
    assert "Beta there is filed in the environment Production." in shown


def test_second_person_is_told_that_another_decided(client, asked):
    log_in(client, "Support")
    fields = filled(asked)
    ActivationRequest.objects.update(state="deciding")

    answer = client.post(page_of(asked), fields)

    assert said(answer) == ["Nothing changed: another person has decided meanwhile."]


def test_companies_that_changed_under_the_page_are_looked_at_again(client, asked, monkeypatch):
    log_in(client, "Support")
    fields = filled(asked)
    asked.companies.first().delete()

    client.post(page_of(asked), fields)

    asked.refresh_from_db()
    assert asked.state == "deciding"  # what is left was named in full
    ActivationRequest.objects.update(state="known")
    asked.companies.create(remote_id=1, name="Gamma Oy", business_id="1234567-1")
    answer = client.post(page_of(asked), fields)
    assert "This field is required." in text(answer)


def test_lost_answer_offers_to_ask_again(
    client, asked, sandbox, django_capture_on_commit_callbacks
):
    sandbox.fault("reset", method="PUT", path="/integrations", after_effect=True)
    log_in(client, "Support")
    client.post(page_of(asked), filled(asked))
    tasks.submit_activation(asked.pk)
    assert "its keys are not here. Ask again" in text(client.get(page_of(asked)))

    with django_capture_on_commit_callbacks(execute=True):
        client.post(page_of(asked), {"again": "1"})

    assert queued() == [("submit_activation", (asked.pk,))]
    tasks.submit_activation(asked.pk)
    assert Credential.objects.count() == 2
    answer = client.post(page_of(asked), {"again": "1"})
    assert said(answer)[-1] == "Nothing changed: there is nothing to ask for."


def test_expired_request_has_the_sentence_for_the_customer(client, asked, sandbox, activation):
    sandbox.activations.expire(activation.id)
    activations.fetch(asked)
    log_in(client, "Support")

    shown = text(client.get(page_of(asked)))

    assert "Send the customer the link anew" in shown
    for language in ("Suomi", "Svenska", "English"):
        assert language in shown
    assert shown.count("https://procountor.example/activate/flashnode") >= 3


def test_key_that_cannot_be_filed_is_told_on_the_page(client, asked):
    log_in(client, "Support")
    client.post(page_of(asked), filled(asked))
    factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")
    tasks.submit_activation(asked.pk)

    shown = text(client.get(page_of(asked)))

    assert "The tenant is closed: no key is filed for it." in shown
    assert "Try again to file the keys" in shown


def test_set_aside_asks_for_a_reason(client, asked):
    log_in(client, "Support")
    page = url("integrations_activationrequest_set_aside", asked.pk)
    client.post(page, {"confirmed": "1", "reason": ""})
    asked.refresh_from_db()
    assert asked.state == "known"

    client.post(page, {"confirmed": "1", "reason": "Päällekkäinen"})

    asked.refresh_from_db()
    assert asked.state == "closed"
    assert AuditEvent.objects.get(action="activation.set_aside").data["reason"] == "Päällekkäinen"


def test_number_entered_by_hand_is_asked_about(
    client, activation, django_capture_on_commit_callbacks
):
    user = log_in(client, "Support")
    page = url("integrations_activationrequest_enter_number")
    assert "digits only" in text(client.post(page, {"environment": "test", "number": "12a"}))

    with django_capture_on_commit_callbacks(execute=True):
        client.post(page, {"environment": "test", "number": str(activation.id)})

    asked = ActivationRequest.objects.get()
    assert asked.entered_by == user
    assert queued() == [("fetch_activation", (asked.pk, True))]
    assert tasks.fetch_activation(asked.pk, True) == "known"


def test_list_and_start_page_show_what_waits(client, asked, django_assert_num_queries):
    activations.record("test", 7)
    log_in(client, "Support")

    listed = text(client.get(url("integrations_activationrequest_changelist")))
    home = text(client.get(url("index")))

    assert "Alfa Oy, Beta Oy" in listed and "Maija Mallikas" in listed
    assert "Activation requests" in home
    assert "state__in=known,lost" in home
    filtered = client.get(
        url("integrations_activationrequest_changelist"), {"state__in": "known,lost"}
    )
    assert filtered.context["cl"].result_count == 1


@pytest.mark.parametrize("rows", [1, 3])
def test_list_needs_the_same_queries_for_any_number_of_rows(
    client, asked, rows, django_assert_num_queries
):
    for number in range(1, rows):
        activations.record("test", number)
    log_in(client, "Support")
    page = url("integrations_activationrequest_changelist")
    client.get(page)

    with django_assert_num_queries(QUERIES_OF_THE_LIST):
        client.get(page)


QUERIES_OF_THE_LIST = 7


@pytest.mark.parametrize("pk", ["999999", "x", "²"])
def test_page_of_a_request_that_is_not_there_is_not_found(client, asked, pk):
    log_in(client, "Support")
    page = page_of(asked).replace(f"/{asked.pk}/", f"/{pk}/")

    assert client.get(page).status_code == 404


def test_page_never_shows_a_key(client, asked, alfa, beta):
    log_in(client, "Support")
    factories.TenantFactory(name="Alfa Oy", business_id="2077474-0", state="closed")
    fields = filled(asked, alfa="Ei")
    client.post(page_of(asked), fields)
    tasks.submit_activation(asked.pk)

    shown = client.get(page_of(asked)).content.decode()
    shown += client.get(
        url("integrations_tenant_change", Tenant.objects.last().pk)
    ).content.decode()

    for company in (alfa, beta):
        assert company.technical_key().split(".")[2] not in shown


# --- The callback ------------------------------------------------------------------------------


def callback(client, activation=None, environment="test", **more):
    fields = {} if activation is None else {"requestId": activation.id}
    headers = {"Accept-Language": more.pop("language", "en")}
    address = reverse("activated", args=[environment])
    return client.get(address, fields | more, headers=headers)


def test_callback_keeps_the_number_once_and_asks_in_the_background(
    client, activation, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        pages = [callback(client, activation) for _load in range(3)]

    asked = ActivationRequest.objects.get()
    assert (asked.number, asked.environment, asked.entered_by) == (activation.id, "test", None)
    assert queued() == [("fetch_activation", (asked.pk, False))]
    assert {page.content for page in pages} == {pages[0].content}


def test_callback_tells_nothing_about_anybody(client, asked, activation):
    known = callback(client, activation)
    unknown = callback(client, requestId=12)

    def without_number(page):
        return text(page).replace(str(activation.id), "N").replace("requestId=12&", "requestId=N&")

    assert without_number(known) == without_number(unknown)
    for word in ("Alfa", "Beta", "Maija", "2077474"):
        assert word not in text(known)


def test_callback_needs_no_log_in_sets_no_cookie_and_is_not_kept_by_anybody(client, activation):
    page = callback(client, activation)

    assert (page.status_code, dict(page.cookies)) == (200, {})
    assert page["Cache-Control"] == "no-store"
    assert "noindex" in page["X-Robots-Tag"]
    policy = page["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "<script>" not in text(page) and "style=" not in text(page)


def test_callback_takes_nothing_but_reading(client, integrator):
    assert client.post(reverse("activated", args=["test"]), {}).status_code == 405
    assert callback(client, environment="elsewhere").status_code == 404


@pytest.mark.parametrize("value", ["", "x", "1e3", "-1", "9" * 30, "<b>", "²"])
def test_callback_without_a_number_explains_and_keeps_nothing(client, integrator, value):
    page = callback(client, requestId=value)

    assert page.status_code == 200
    assert "name your company and its business ID" in text(page)
    assert "<b>" not in text(page)
    assert not ActivationRequest.objects.exists()


def test_callback_whose_parameter_is_not_known_explains(client, activation, settings):
    config = settings.PROCOUNTOR["test"] | {"activation_parameter": ""}
    settings.PROCOUNTOR = settings.PROCOUNTOR | {"test": config}

    assert "name your company and its business ID" in text(callback(client, activation))
    assert not ActivationRequest.objects.exists()


def test_flood_turns_new_numbers_away_and_no_known_one(client, asked, activation, monkeypatch):
    monkeypatch.setattr(activations, "MOST_UNKNOWN", 3)

    statuses = [callback(client, requestId=number).status_code for number in range(1, 6)]

    assert statuses == [200, 200, 200, 503, 503]
    assert callback(client, activation).status_code == 200
    assert ActivationRequest.objects.count() == 4


@pytest.mark.parametrize(
    ("asks", "language"),
    [("fi", "fi"), ("sv-FI,sv;q=0.9,en;q=0.8", "sv"), ("en-GB", "en"), ("de", "fi"), ("", "fi")],
)
def test_callback_speaks_the_browsers_language(client, activation, asks, language):
    page = callback(client, activation, language=asks)

    assert page["Content-Language"] == language
    assert f'<html lang="{language}">' in text(page)


def test_language_links_keep_the_number(client, activation):
    page = callback(client, activation, lang="sv")

    assert page["Content-Language"] == "sv"
    assert f"?requestId={activation.id}&lang=fi" in text(page)
