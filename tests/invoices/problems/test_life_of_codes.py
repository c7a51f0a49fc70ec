"""Every code that a submission can end with, over real HTTP: the sandbox produces it, the panel
says it in both languages, somebody puts it right, and the invoice is submitted, once."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from integrations import custody
from integrations.models import BankAccount, Tenant
from invoices import exports, triggers
from invoices.models import InvoiceExport
from invoices.preflight import FIXED_OUTSIDE_THE_INVOICE
from invoices.problems import ANSWERS, ENGINE, REMOTE
from invoices.problems.remote import BLANK_VALUE, INVALID_VALUE
from invoices.wording_models import UnknownCode
from tests.invoices.problems import test_life_of_rare_codes as rare
from tests.invoices.problems.desk import EXEMPT, booked_once, said_in_both_languages
from tests.staff import url

pytestmark = pytest.mark.django_db(transaction=True)

SEPTEMBER = dt.date(2026, 9, 1), dt.date(2026, 9, 30)


def _status(status, message="", field=""):
    return lambda desk: desk.fault("status", status=status, message=message, field=field)


def _html(status):
    return lambda desk: desk.fault("html", status=status)


def _kind(kind, **more):
    return lambda desk: desk.fault(kind, **more)


def _slow(desk):
    desk.settings.PROCOUNTOR_READ_TIMEOUT_SECONDS = 0.3
    desk.fault("slow", delay_seconds=1)


def _too_slow(desk):
    desk.settings.PROCOUNTOR_TOTAL_TIMEOUT_SECONDS = 0.3
    desk.fault("slow", delay_seconds=1)


#: Refused with a list: code, field. The accountant corrects what it says and queues again.
LISTED = {
    "DUE_DATE_BEFORE_BILL_DATE": ("DUE_DATE_BEFORE_BILL_DATE", ""),
    "ERROR_BRN_CODE": ("ERROR_BRN_CODE", "counterParty.identifier"),
    "ERROR_VATSTATUS_VATPERC": ("ERROR_VATSTATUS_VATPERC", "invoiceRows[0].vatStatus"),
    "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION": (
        "ERROR_LEDGERACCOUNT_VATPERCENTAGE_COMBINATION",
        "transactions[0].account",
    ),
    "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE": (
        "DIMENSION_OR_DIMENSION_ITEM_IDENTIFIERS_DOES_NOT_MATCH_THOSE_STORED_IN_DATABASE",
        "transactions[0].dimensionItemValues",
    ),
    BLANK_VALUE: (
        "Value of the 'deliveryAddress.country' cannot be blank.",
        "deliveryAddress.country",
    ),
    INVALID_VALUE: ("Value of the 'date' field is invalid: ", "date"),
    "CLOSED_FISCAL_PERIOD": ("CLOSED_FISCAL_PERIOD", ""),
}

#: Answers that prove nothing, or a request that did not arrive: the engine settles them alone.
SETTLED = {
    "http_400": _html(400),
    "http_403": _html(403),
    "http_404": _html(404),
    "http_408": _html(408),
    "http_4xx": _html(418),
    "http_500": _kind("html_500"),
    "http_503": _html(503),
    "http_5xx": _html(502),
    "redirect": _kind("redirect"),
    "rate_limited": _kind("rate_limited", retry_after=0),
    "read_timeout": _slow,
    "reset": _kind("reset"),
    "cut_off": _kind("drop_mid_body"),
    "broken_answer": _kind("bad_gzip"),
    "not_json": _kind("not_json"),
    "no_id": _kind("no_id"),
    "too_slow": _too_slow,
}


def _close(desk):
    desk.company.close_period(*SEPTEMBER)
    desk.check()


def _open(desk):
    desk.company.open_period(*SEPTEMBER)
    desk.check()


def _revoke(desk):
    desk.company.revoke()
    cache.clear()


def _new_key(desk):
    custody.file_api_key(desk.tenant, desk.company.new_api_key(), via="email")
    desk.check()


def _no_right(desk):
    desk.company.set_right("sales.salesOrGroupInvoices", "NO_ACCESS")


def _right(desk):
    desk.company.set_right("sales.salesOrGroupInvoices", "ALL_RIGHTS")
    desk.check()


def _no_retries(desk):
    desk.settings.EXPORT_RETRY_SECONDS = []
    desk.fault("rate_limited", retry_after=0)


def _never(desk):
    desk.fault("html_500", times=3)


def _crash(desk):
    claimed = exports.claim_next(desk.tenant)
    exports.open_attempt(claimed, b"{}", desk.tenant.active_credential)
    past = timezone.now() - dt.timedelta(seconds=1)
    InvoiceExport.objects.filter(pk=claimed.pk).update(lease_until=past)
    exports.expire_leases()


def _restore(desk):
    exports.distrust_all(cautious_until=timezone.now())
    desk.later()


def _blind(desk):
    desk.fault("html_500", after_effect=True)
    desk.run()
    desk.company.set_right("sales.salesInvoiceSearch", "NO_ACCESS")
    desk.check()
    Tenant.objects.filter(pk=desk.tenant.pk).update(state="active")
    desk.later()


def _sees(desk):
    desk.company.set_right("sales.salesInvoiceSearch", "ALL_RIGHTS")
    desk.check()


def _lookup_refused(desk):
    desk.fault("html_500")
    desk.run()
    desk.sandbox.fault(kind="status", method="GET", path="/invoices", status=403, message="No")
    desk.later()


def _setting(**fields):
    return lambda desk: Tenant.objects.filter(pk=desk.tenant.pk).update(**fields)


def _percent_off(desk):
    desk.company.set_vat(percents=["0", "10", "13.5"])
    desk.check()


def _percent_on(desk):
    desk.company.set_vat(percents=["0", "10", "13.5", "25.5"])
    desk.check()


def _account_off(desk):
    desk.company.set_account(desk.company.bank_accounts[0]["iban"], "INACTIVE")
    desk.check()
    Tenant.objects.filter(pk=desk.tenant.pk).update(state="active")


def _account_on(desk):
    desk.company.set_account(desk.company.bank_accounts[0]["iban"], "ACTIVE")
    desk.check()


def _no_account(desk):
    BankAccount.objects.filter(tenant=desk.tenant).delete()


def _account(desk):
    account = BankAccount(tenant=desk.tenant)
    account.set_number(desk.company.bank_accounts[0]["iban"])
    account.save()


def _nothing(desk):
    pass


#: code: what makes it, the status it ends in, what puts it right.
MADE = {
    "period_closed": (_close, "parked", _open),
    "credential_refused": (_revoke, "parked", _new_key),
    "rights_refused": (_no_right, "parked", _right),
    "retries_exhausted": (_no_retries, "needs_attention", _nothing),
    "not_reached": (_kind("rate_limited", retry_after=0), "queued", _nothing),
    "no_answer": (_kind("reset"), "unknown", _nothing),
    "never_answered": (_never, "needs_attention", _nothing),
    "crashed": (_crash, "unknown", _nothing),
    "restored": (_restore, "unknown", _nothing),
    "lookup_blind": (_blind, "needs_attention", _sees),
    "lookup_refused": (_lookup_refused, "needs_attention", _nothing),
    "vat_status_not_in_use": (
        _setting(default_vat_status=99),
        "needs_attention",
        _setting(default_vat_status=1),
    ),
    "vat_status_not_domestic": (
        _setting(default_vat_status=12),
        "needs_attention",
        _setting(default_vat_status=1),
    ),
    "vat_percent_not_in_use": (_percent_off, "needs_attention", _percent_on),
    "channel_not_allowed": (
        _setting(invoice_channel="EDIFACT"),
        "needs_attention",
        _setting(invoice_channel="NO_SENDING"),
    ),
    "bank_account_not_active": (_account_off, "needs_attention", _account_on),
    "bank_account_missing": (_no_account, "needs_attention", _account),
    "Unauthorized": (_kind("expired_token", times=2), "parked", _right),
}

#: With invoices of their own: below.
OWN = {"conflict", "vat_category_unmapped"}

#: Not shown here, with the reason, and the test that covers it.
ELSEWHERE = {
    # Needs two invoices: engine/test_credit_notes, with its words in both languages.
    "waits_for_invoice",
    # Said when somebody queues meanwhile, and stored nowhere:
    # `rare.test_number_that_is_looked_up_holds_the_invoice_until_it_is_settled`.
    "entry_being_looked_up",
    # An active tenant has a key; only the look-up of a number given by hand can meet none:
    # test_entered, test_no_key_is_told_and_the_look_up_works_once_there_is_one.
    "credential_missing",
    # Without a list a refusal is no refusal (`settling`): kept for what older versions stored.
    "refused",
    # An exception that no rule foresaw, in a sender: nothing outside the program raises one.
    "fault",
    # No setting of ours names a proxy: test_transport, test_unreachable_proxy_… and test_reset_….
    "proxy_error",
    # Only a wrong setting makes one: test_transport, test_invalid_address_….
    "bad_url",
    # The pool opens connections beyond its size and is never closed while it is in use:
    # test_transport, test_the_wrapped_reason_decides_what_is_certain.
    "pool_error",
    # What the library raises without a reason that we know; nothing on a socket does:
    # test_transport, test_every_library_exception_becomes_one_of_our_errors.
    "connection_error", "transport_error",
}  # fmt: skip


def test_every_code_that_a_submission_can_end_with_is_shown_somewhere():
    shown = set(LISTED) | set(SETTLED) | set(MADE) | OWN | rare.SHOWN

    ends = set(ENGINE) | set(REMOTE) | set(ANSWERS) | FIXED_OUTSIDE_THE_INVOICE
    assert ends <= shown | ELSEWHERE
    assert shown & ELSEWHERE == set()


@pytest.mark.parametrize("key", LISTED)
def test_listed_code_is_explained_and_the_invoice_sent_again(desk, key):
    message, field = LISTED[key]
    desk.fault("status", status=400, message=message, field=field)

    desk.run()
    assert desk.export.status in ("needs_attention", "parked")
    said_in_both_languages(desk, key)
    assert not UnknownCode.objects.exists()

    desk.queue_again()
    assert desk.until("reconciled", "needs_attention", "parked") == "reconciled"
    booked_once(desk)


@pytest.mark.parametrize("key", SETTLED)
def test_answer_is_explained_and_settled(desk, key):
    SETTLED[key](desk)

    desk.run()
    assert desk.export.status in ("unknown", "queued")
    said_in_both_languages(desk, key)

    _usual_times(desk)
    assert desk.until("reconciled", "needs_attention", "parked") == "reconciled"
    booked_once(desk)


def _usual_times(desk):
    desk.settings.PROCOUNTOR_READ_TIMEOUT_SECONDS = 30
    desk.settings.PROCOUNTOR_TOTAL_TIMEOUT_SECONDS = 60


@pytest.mark.parametrize("key", MADE)
def test_made_code_is_explained_put_right_and_sent_again(desk, key):
    make, status, put_right = MADE[key]
    make(desk)

    if desk.export.status == "queued":
        desk.run()
    assert desk.until(status) == status
    said_in_both_languages(desk, key)

    put_right(desk)
    desk.export.refresh_from_db()
    if desk.export.status in ("needs_attention", "parked"):
        desk.queue_again()
    assert desk.until("reconciled", "needs_attention", "parked") == "reconciled"
    booked_once(desk)


@pytest.mark.parametrize("desk", [EXEMPT], indirect=True, ids=["exempt"])
def test_unmapped_category_is_explained_mapped_and_sent_again(desk):
    assert desk.export.status == "needs_attention"
    said_in_both_languages(desk, "vat_category_unmapped")

    _setting(vat_status_by_category={"E": 12})(desk)
    desk.queue_again()
    assert desk.until("reconciled", "needs_attention", "parked") == "reconciled"
    booked_once(desk)


def test_conflict_is_explained_and_the_other_invoice_given_way_to(desk, client):
    desk.run()
    InvoiceExport.objects.filter(pk=desk.export.pk).update(
        status="needs_attention", remote_id=None, remote_number=""
    )
    with connection.cursor() as cursor:
        triggers.drop_triggers(connection)
        cursor.execute("UPDATE invoices_invoice SET gross_total = '99.00'")
        triggers.create_triggers(connection)
    desk.queue_again()
    desk.run()

    assert desk.export.attention_reason == "conflict"
    said_in_both_languages(desk, "conflict")

    page = url("invoices_invoiceexport_skip", desk.export.pk)
    client.post(page, {"confirmed": "1", "reason": "The one in Procountor is right."})
    desk.export.refresh_from_db()
    assert desk.export.status == "skipped"
    booked_once(desk)


def test_unknown_code_is_shown_raw_collected_once_and_counted(desk):
    for _round in range(2):
        desk.fault("status", status=400, message="ERROR_NEW", field="invoiceRows[0].unit")
        desk.run()
        desk.queue_again()
    desk.fault("status", status=400, message="ERROR_NEW", field="invoiceRows[1].unit")
    desk.run()

    page = desk.page("en")
    assert "Unknown code: ERROR_NEW" in page
    assert "Write words for this code" in page
    waiting = UnknownCode.objects.get()
    assert (waiting.code, waiting.field, waiting.count) == ("ERROR_NEW", "invoiceRows[].unit", 3)
    assert waiting.example == desk.export
    assert waiting.first_seen_at < waiting.last_seen_at
