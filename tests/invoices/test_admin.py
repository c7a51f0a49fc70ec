"""The accountant's pages: actions that ask, do once and say what they did; evidence to read."""

import pytest
from django.urls import reverse
from django_q.models import OrmQ

from invoices import filing
from invoices.models import AuditEvent, InvoiceExport, ReceivedFile
from tests import factories

pytestmark = pytest.mark.django_db

EXPORTS = "/admin/invoices/invoiceexport/"


@pytest.fixture
def as_role(client):
    def log_in(role):
        client.force_login(factories.UserFactory(role=role))
        return client

    return log_in


@pytest.fixture
def failed(queued):
    """Three exports that need attention."""
    exports = queued("A-1", "A-2", "A-3")
    InvoiceExport.objects.update(
        status="needs_attention",
        attention_reason="refused",
        problems=[{"code": "CLOSED_FISCAL_PERIOD"}],
        not_before=None,
    )
    return [InvoiceExport.objects.get(pk=export.pk) for export in exports]


MAY = {"Accountant", "Administrator"}


@pytest.mark.parametrize("page", ["queue", "skip"])
@pytest.mark.parametrize("role", [None, "Support", "Accountant", "Management", "Administrator"])
def test_action_page_opens_for_the_right_roles_only(as_role, failed, page, role):
    answer = as_role(role).get(f"{EXPORTS}{failed[0].pk}/{page}/")

    assert answer.status_code == (200 if role in MAY else 403)


@pytest.mark.parametrize("page", ["queue", "skip"])
def test_anonymous_is_sent_to_the_log_in_page(client, failed, page):
    answer = client.post(f"{EXPORTS}{failed[0].pk}/{page}/", {"confirmed": "1"})

    assert "/admin/login/" in answer.url
    assert InvoiceExport.objects.filter(status="needs_attention").count() == 3


def test_queue_again_asks_then_queues_with_reason_and_person(as_role, failed):
    client, page = as_role("Accountant"), f"{EXPORTS}{failed[0].pk}/queue/"
    question = client.get(page).content.decode()
    assert "A-1" in question
    assert InvoiceExport.objects.filter(status="queued").count() == 0

    answer = client.post(page, {"confirmed": "1", "reason": "Period opened"}, follow=True)

    export = InvoiceExport.objects.get(pk=failed[0].pk)
    assert "1 queued again." in answer.content.decode()
    assert (export.status, export.trigger_reason) == ("queued", "Period opened")
    event = AuditEvent.objects.filter(action="export.queued").latest("pk")
    assert (event.by, event.data["reason"]) == (export.triggered_by, "Period opened")


def test_second_click_changes_nothing_and_says_so(as_role, failed):
    client, page = as_role("Accountant"), f"{EXPORTS}{failed[0].pk}/queue/"
    client.post(page, {"confirmed": "1"})
    tasks, events = OrmQ.objects.count(), AuditEvent.objects.count()

    answer = client.post(page, {"confirmed": "1"}, follow=True)

    assert "0 queued again. 1 left alone" in answer.content.decode()
    assert (OrmQ.objects.count(), AuditEvent.objects.count()) == (tasks, events)


def test_skip_needs_a_reason(as_role, failed):
    client, page = as_role("Accountant"), f"{EXPORTS}{failed[0].pk}/skip/"

    assert client.post(page, {"confirmed": "1", "reason": " "}).status_code == 200
    assert InvoiceExport.objects.get(pk=failed[0].pk).status == "needs_attention"

    client.post(page, {"confirmed": "1", "reason": "Entered by hand"})
    assert InvoiceExport.objects.get(pk=failed[0].pk).status == "skipped"


def test_list_action_names_what_it_leaves_alone(as_role, failed):
    InvoiceExport.objects.filter(pk=failed[2].pk).update(
        status="submitted", attention_reason="", problems=[]
    )
    client = as_role("Accountant")
    chosen = {"action": "skip_selected", "_selected_action": [export.pk for export in failed]}

    question = client.post(EXPORTS, chosen).content.decode()
    assert "Skip 2" in question
    assert "1 × Submitted" in question
    assert "251" in question  # the sum of the two

    said = chosen | {"confirmed": "1", "reason": "Entered by hand"}
    answer = client.post(EXPORTS, said, follow=True)
    assert "2 skipped. 1 left alone" in answer.content.decode()
    assert InvoiceExport.objects.filter(status="skipped").count() == 2


def test_export_page_shows_cause_remedy_and_timeline(as_role, failed):
    page = as_role("Management").get(f"{EXPORTS}{failed[0].pk}/change/").content.decode()

    assert "closed period" in page
    assert "Open the period in Procountor" in page
    assert "Export created" in page
    assert "Queue again" not in page


@pytest.mark.parametrize("text", ["A-1", "a-1", "Ostaja", "4711"])
def test_search_finds_either_number_and_the_buyer(as_role, failed, text):
    InvoiceExport.objects.filter(pk=failed[0].pk).update(remote_number="4711")

    page = as_role("Management").get(EXPORTS, {"q": text}).content.decode()

    assert f"{EXPORTS}{failed[0].pk}/change/" in page


def test_export_list_costs_the_same_for_one_and_for_three(
    admin_client, queued, django_assert_num_queries
):
    queued("A-1")
    admin_client.get(EXPORTS)
    with django_assert_num_queries(7):
        admin_client.get(EXPORTS)

    queued("A-2", "A-3")
    with django_assert_num_queries(7):
        admin_client.get(EXPORTS)


@pytest.mark.parametrize("model", ["invoiceexport", "invoice", "receivedfile", "auditevent"])
def test_evidence_is_read_only_even_for_a_superuser(admin_client, failed, model):
    pk = {
        "invoiceexport": failed[0].pk,
        "invoice": failed[0].invoice_id,
        "receivedfile": ReceivedFile.objects.get().pk,
        "auditevent": AuditEvent.objects.first().pk,
    }[model]

    base = f"/admin/invoices/{model}/"
    assert admin_client.get(f"{base}{pk}/change/").status_code == 200
    assert admin_client.post(f"{base}{pk}/change/", {"x": "1"}).status_code == 403
    assert admin_client.post(f"{base}{pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"{base}add/").status_code == 403


@pytest.mark.parametrize("role", [None, "Support", "Management"])
def test_upload_is_for_accountants(as_role, role):
    assert as_role(role).get("/admin/invoices/receivedfile/upload/").status_code == 403


def test_original_is_downloaded_byte_for_byte_and_never_rendered(as_role, tenant):
    content = b"<?xml version='1.0'?><script>alert(1)</script>\r\n\x80"
    received = filing.file_invoices(tenant, 'evil"\r\nX: y.html', content, via="upload")
    page = f"/admin/invoices/receivedfile/{received.pk}/original/"

    answer = as_role("Management").get(page)

    assert answer.content == content
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert as_role(None).get(page).status_code == 403


def test_invoice_data_is_escaped_on_the_page(as_role, queued):
    (export,) = queued("A-1", additional_information="<script>alert(1)</script>")

    page = as_role("Accountant").get(f"{EXPORTS}{export.pk}/change/").content.decode()

    assert "<script>alert(1)</script>" not in page


@pytest.mark.parametrize("role", [None, "Support", "Accountant", "Management", "Administrator"])
def test_home_opens_for_everybody_and_counts_what_needs_action(as_role, failed, role):
    answer = as_role(role).get(reverse("admin:index"))

    page = answer.content.decode()
    assert answer.status_code == 200
    link = {
        "Accountant": "?status=needs_attention",
        "Management": reverse("admin:invoices_exportfact_changelist"),
    }.get(role, "?status__exact=needs_attention")
    assert (link in page) == (role is not None)


@pytest.mark.parametrize("language", ["en", "fi"])
def test_every_page_opens_in_both_languages(admin_client, failed, language):
    tenant = failed[0].tenant_id
    for page in (
        "/admin/",
        "/admin/integrations/tenant/",
        f"/admin/integrations/tenant/{tenant}/change/",
        "/admin/integrations/tenant/add/",
        "/admin/integrations/connectioncheck/",
        EXPORTS,
        f"{EXPORTS}{failed[0].pk}/change/",
        "/admin/invoices/invoice/",
        f"/admin/invoices/invoice/{failed[0].invoice_id}/change/",
        "/admin/invoices/receivedfile/",
        f"/admin/invoices/receivedfile/{ReceivedFile.objects.get().pk}/change/",
        "/admin/invoices/upload/",
        "/admin/invoices/upload/new/",
        "/admin/invoices/columnlayout/",
        "/admin/invoices/auditevent/",
        "/admin/auth/user/",
        "/admin/auth/group/",
        "/admin/django_q/schedule/",
    ):
        answer = admin_client.get(page, headers={"Accept-Language": language})
        assert answer.status_code == 200, page
