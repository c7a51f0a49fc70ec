"""The list of alerts: support and management read it, nobody writes it."""

import pytest
from django.utils import timezone

from invoices.watch import raise_alert, recover
from invoices.watch_models import Alert
from tests import factories
from tests.staff import ANONYMOUS, NO_RIGHTS, log_in, refusal, text, url

pytestmark = pytest.mark.django_db

LADDER = {
    ANONYMOUS: "log in",
    NO_RIGHTS: "refused",
    "Accountant": "refused",
    "Support": "shown",
    "Management": "shown",
    "Administrator": "shown",
}


@pytest.fixture
def alert():
    raise_alert("credential_refused", factories.TenantFactory(name="Beta Oy"))
    return Alert.objects.get()


@pytest.mark.parametrize(("rung", "answer"), list(LADDER.items()))
def test_alerts_are_for_support_and_management(client, alert, rung, answer):
    log_in(client, rung)

    for page in (url("invoices_alert_changelist"), url("invoices_alert_change", alert.pk)):
        response = client.get(page)
        assert refusal(response) == answer
        assert ("Beta Oy" in text(response)) == (answer == "shown")


@pytest.mark.parametrize("role", ["Support", "Administrator"])
def test_nobody_adds_changes_or_deletes_an_alert(client, alert, role):
    log_in(client, role)

    assert refusal(client.get(url("invoices_alert_add"))) == "refused"
    assert refusal(client.get(url("invoices_alert_delete", alert.pk))) == "refused"
    change = client.post(url("invoices_alert_change", alert.pk), {"cause": "sweep_late"})
    assert refusal(change) == "refused"
    assert Alert.objects.get().cause == "credential_refused"


def test_alert_says_what_it_means_and_what_to_do(client, alert):
    log_in(client, "Support")

    page = text(client.get(url("invoices_alert_change", alert.pk)))

    assert "API key refused" in page
    assert "Its exports wait; nothing is lost." in page
    assert "Open the tenant's connection check" in page
    assert "credential_refused" not in page


def test_alert_of_a_cause_without_words_is_shown_by_its_code(client):
    now = timezone.now()
    Alert.objects.create(cause="of_old", first_seen_at=now, last_seen_at=now)
    log_in(client, "Support")

    assert "of_old" in text(client.get(url("invoices_alert_changelist")))


@pytest.mark.parametrize(
    ("choice", "shown"),
    [("yes", {"rights_missing"}), ("no", {"sweep_late"}), ("", {"rights_missing", "sweep_late"})],
)
def test_open_alerts_are_told_from_ended_ones(client, choice, shown):
    raise_alert("rights_missing")
    raise_alert("sweep_late", facts={"seconds": 200})
    recover("sweep_late")
    log_in(client, "Support")

    page = client.get(url("invoices_alert_changelist"), {"open": choice} if choice else {})

    assert {alert.cause for alert in page.context["cl"].result_list} == shown


def test_list_costs_the_same_at_one_and_three_rows(client, alert, django_assert_num_queries):
    log_in(client, "Support")
    page = url("invoices_alert_changelist")
    client.get(page)
    with django_assert_num_queries(7):
        client.get(page)

    for number in ("2077474-0", "0112038-9"):
        tenant = factories.TenantFactory(business_id=number, environment="production")
        raise_alert("rights_missing", tenant)

    with django_assert_num_queries(7):
        client.get(page)
