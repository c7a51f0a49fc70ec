"""Rehearsals: the right verdict for every invoice, and nothing exported by them."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest
import time_machine
from django.core.cache import cache
from django.db import connection
from django_q.models import OrmQ
from hypothesis import given
from hypothesis import strategies as st

from integrations.models import ConnectionCheck, Tenant
from integrations.rehearsal_models import Rehearsal, percent
from invoices import engine, filing, mapping, rehearsal, triggers
from invoices.document import Problem
from invoices.models import AuditEvent, InvoiceExport, SubmissionAttempt
from invoices.preflight import FIXED_OUTSIDE_THE_INVOICE
from invoices.problems import CATALOGUE, CUSTOMER, customer_sentence
from tests import factories
from tests.rehearsals import CODES, KINDS, rehearsed, take_in

MARCH = dt.date(2026, 3, 1), dt.date(2026, 3, 31)
db = pytest.mark.django_db


@pytest.fixture
def acme(make_tenant):
    """Verified, not live; 13.5 % is not in use and March is closed."""
    tenant = make_tenant(went_live_at=None)
    tenant.company.vat_percents = [p for p in tenant.company.vat_percents if str(p) != "13.5"]
    tenant.company.close_period(*MARCH)
    return tenant


def causes(found):
    return {finding["code"]: finding["count"] for finding in found.findings}


def failing(found):
    return {each["number"] for finding in found.findings for each in finding["examples"]}


def rows():
    """Every export and attempt, with all their columns."""
    return [
        list(model.objects.order_by("pk").values()) for model in (InvoiceExport, SubmissionAttempt)
    ]


@db
def test_figures_of_a_mix_name_each_cause_and_its_invoices(acme):
    take_in(acme, *["good"] * 5, "unmapped", "unmapped", "rate", "closed")

    found = rehearsed(acme)

    assert (found.passed, found.total, str(found.score), found.invoices) == (
        5,
        9,
        "55.5",
        "waiting",
    )
    assert causes(found) == {
        "vat_category_unmapped": 2,
        "vat_percent_not_in_use": 1,
        "period_closed": 1,
    }
    unmapped = found.findings[0]
    export = InvoiceExport.objects.get(invoice__number="R-6")
    assert (unmapped["field"], unmapped["value"], unmapped["mover"]) == (
        "rows.vat_category",
        "K",
        "us",
    )
    assert unmapped["examples"][0] == {"number": "R-6", "export": export.pk}
    assert {f["code"]: f["mover"] for f in found.findings[1:]} == {
        "vat_percent_not_in_use": "customer",
        "period_closed": "customer",
    }
    assert not found.is_enough


@db
def test_nothing_is_exported_and_procountor_is_only_read(acme, sandbox):
    take_in(acme, "good", "unmapped", "closed", queue=True)
    take_in_before, calls_before = rows(), len(sandbox.requests)

    found = rehearsed(acme)

    assert found.is_done
    calls = [(method, path) for _at, method, path, *_rest in sandbox.requests[calls_before:]]
    assert {path for method, path in calls if method != "GET"} <= {"/oauth/token"}
    assert ("GET", "/fiscalyears") in calls
    assert rows() == take_in_before
    assert sandbox.ledger() == []
    acme.refresh_from_db()
    assert (acme.state, acme.went_live_at) == ("pending", None)


@db
def test_what_procountor_says_now_counts_not_what_it_said_at_intake(acme):
    take_in(acme, "good")
    acme.company.close_period(dt.date(2026, 9, 1), dt.date(2026, 9, 30))

    found = rehearsed(acme)

    assert causes(found) == {"period_closed": 1}
    assert found.findings[0]["value"] == "2026-09"
    assert found.connection_check == acme.last_check


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(5))
def test_verdicts_are_those_of_the_engine(acme, seed, sandbox):
    kinds = random.Random(seed).choices(list(KINDS), k=12)
    numbers = take_in(acme, *kinds, queue=True)

    found = rehearsed(acme)

    Tenant.objects.update(state="active", went_live_at="2026-09-01T08:00:00Z")
    for export in InvoiceExport.objects.filter(status="needs_attention"):
        InvoiceExport.objects.filter(pk=export.pk).update(
            status="queued", not_before="2026-09-01T08:00:00Z", attention_reason=""
        )
    engine.run_lane(acme.pk)
    submitted = {row["originalInvoiceNumber"] for row in sandbox.ledger()}
    assert set(numbers) - failing(found) == submitted
    assert found.passed == len(submitted)
    assert causes(found) == Counter(CODES[kind] for kind in kinds if kind != "good")


@db
def test_proposed_settings_are_tried_beside_the_present_ones(acme):
    take_in(acme, "good", "unmapped", "unmapped", "closed")

    found = rehearsed(acme, vat_status_by_category={"K": 5})

    assert (found.passed_before, found.passed, found.total) == (1, 3, 4)
    assert [each["number"] for each in found.newly_passing["examples"]] == ["R-2", "R-3"]
    assert found.newly_failing == {"count": 0, "examples": []}
    acme.refresh_from_db()
    assert acme.vat_status_by_category == {}


@db
def test_invoices_that_would_fail_by_the_proposed_settings_are_named(acme):
    take_in(acme, "good", "good")

    found = rehearsed(acme, invoice_channel="EMAIL")

    assert (found.passed_before, found.passed) == (2, 0)
    assert found.newly_failing["count"] == 2
    assert causes(found) == {"channel_field_missing": 2}
    assert found.findings[0]["field"] == "buyer.email"


@db
def test_last_month_is_rehearsed_when_nothing_waits(acme):
    take_in(acme, "good", "good", "good")
    done, skipped, old = InvoiceExport.objects.order_by("pk")
    InvoiceExport.objects.filter(pk__in=[done.pk, old.pk]).update(status="reconciled")
    InvoiceExport.objects.filter(pk=skipped.pk).update(status="skipped")

    with time_machine.travel(dt.datetime(2026, 9, 20, 9, tzinfo=dt.UTC)):
        recent = rehearsed(acme)
    with time_machine.travel(dt.datetime(2026, 12, 20, 9, tzinfo=dt.UTC)):
        later = rehearsed(acme)

    assert (recent.invoices, recent.total) == ("recent", 2)
    assert (later.total, later.score, later.is_done, later.is_enough) == (0, None, True, False)


@db
def test_another_tenants_invoices_are_not_touched(acme, make_tenant):
    other = make_tenant(name="Beta Oy", business_id="0112038-9")
    take_in(other, "good", "good")
    take_in(acme, "good")

    assert rehearsed(acme).total == 1


@db
def test_rejected_at_intake_is_told_and_not_counted(acme):
    take_in(acme, "good")
    wrong = factories.invoice("W-1", due_date="2026-08-01")
    for _time in range(2):
        _take_in_rejected(acme, wrong)

    found = rehearsed(acme)

    assert (found.total, found.passed, found.rejected) == (1, 1, 1)


def _take_in_rejected(tenant, invoice):
    content = json.dumps({"invoices": [invoice]}).encode()
    received = filing.file_invoices(tenant, "wrong.json", content, via="command")
    assert filing.counts(received)["rejected"] == 1


@db
def test_rehearsal_ends_with_a_check_that_learns_nothing(acme):
    take_in(acme, "good")
    acme.company.revoke()
    cache.clear()

    found = rehearsed(acme)

    assert (found.check_failed, found.is_done, found.total) == (True, False, 0)
    assert found.connection_check.steps[1]["code"] == "key_refused"
    assert AuditEvent.objects.get(action="tenant.rehearsed").data["check_failed"] is True


@db
def test_red_check_that_learnt_enough_still_gives_a_result(acme):
    take_in(acme, "good")
    acme.company.bank_accounts[0]["status"] = "INACTIVE"

    found = rehearsed(acme)

    assert found.connection_check.outcome == "failed"
    assert causes(found) == {"bank_account_not_active": 1}


@db
def test_second_run_of_the_same_rehearsal_does_nothing(acme):
    take_in(acme, "good")
    found = rehearsed(acme)

    assert rehearsal.run(found.pk) is False
    assert ConnectionCheck.objects.filter(tenant=acme).count() == 2
    assert AuditEvent.objects.filter(action="tenant.rehearsed").count() == 1


@db
def test_rehearsal_under_way_is_not_asked_for_twice(acme, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        first = rehearsal.ask_for(acme, by=None)
        second = rehearsal.ask_for(acme, by=None)
        other = rehearsal.ask_for(acme, by=None, tried={"days_to_pay": 7})

    assert (first, first == other) == (second, False)
    assert [task.task["args"] for task in OrmQ.objects.order_by("pk")] == [(first.pk,), (other.pk,)]


@db
def test_lost_rehearsal_can_be_asked_for_again(acme):
    first = rehearsal.ask_for(acme, by=None)

    with time_machine.travel(first.requested_at + dt.timedelta(minutes=11)):
        again = rehearsal.ask_for(acme, by=None)

    assert again != first


@db
def test_fault_of_this_program_in_one_invoice_does_not_end_the_others(acme):
    take_in(acme, "good", "good")
    triggers.drop_triggers(connection)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE invoices_invoice SET content = '{}' WHERE number = 'R-1'")
    triggers.create_triggers(connection)

    found = rehearsed(acme)

    assert (found.passed, causes(found)) == (1, {"engine_failed": 1})
    assert found.findings[0]["mover"] == "us"


@db
def test_long_rehearsal_goes_in_chunks_with_progress(acme, monkeypatch):
    monkeypatch.setattr(rehearsal, "_CHUNK", 2)
    take_in(acme, *["good"] * 5)
    seen = []
    show = rehearsal._show_progress
    monkeypatch.setattr(
        rehearsal,
        "_show_progress",
        lambda *args: (show(*args), seen.append(Rehearsal.objects.get().total)),
    )

    found = rehearsed(acme)

    assert (seen, found.total, found.expected) == ([0, 2, 4], 5, 5)


PROBLEMS = st.lists(
    st.builds(
        Problem,
        st.sampled_from(["too_long", "missing", "totals_differ", "period_closed"]),
        st.sampled_from(["", "number", "rows[1].name", "rows[2].name"]),
        st.integers(0, 40).map(str),
    ),
    max_size=4,
).map(tuple)


@given(st.lists(PROBLEMS, max_size=60))
def test_tally_loses_no_invoice_and_counts_none_twice(verdicts):
    tally = rehearsal._Tally()
    for number, problems in enumerate(verdicts):
        case = rehearsal.Case(number, f"N-{number}", dt.date(2026, 9, 1), {})
        tally.add(case, problems)

    findings = tally.findings()
    wrong = {f"N-{n}" for n, problems in enumerate(verdicts) if problems}
    assert tally.total == len(verdicts)
    assert tally.passed == len(verdicts) - len(wrong)
    assert {each["number"] for f in findings for each in f["examples"]} <= wrong
    assert sum(f["count"] for f in findings) >= len(wrong)
    assert all(len(f["examples"]) == min(f["count"], 50) for f in findings)
    assert all(len({e["number"] for e in f["examples"]}) == len(f["examples"]) for f in findings)
    assert len(findings) <= 4 * 3 * 11


@given(st.integers(0, 10**6), st.integers(1, 10**6))
def test_score_is_never_rounded_up(part, whole):
    part = min(part, whole)

    score = percent(part, whole)

    assert (score == 100) == (part == whole)
    assert score * whole <= 100 * part


def test_every_cause_that_stops_an_invoice_is_the_customers_or_ours():
    sources = Path(mapping.__file__).parent.glob("*.py")
    text = "".join(source.read_text() for source in sources)
    stops = set(re.findall(r'\.stop\(\s*"(\w+)"', text)) | {"reference_invalid", "period_closed"}
    ours = {
        "vat_category_unmapped",
        "vat_status_not_in_use",
        "vat_status_not_domestic",
        "bank_account_missing",
        "payment_method_unmapped",
        "channel_not_allowed",
        "aland_held",
    }

    assert stops - set(CUSTOMER) == ours
    assert set(CUSTOMER) <= set(CATALOGUE)
    assert ours - {"aland_held"} < FIXED_OUTSIDE_THE_INVOICE


@pytest.mark.parametrize("code", list(CUSTOMER))
def test_every_sentence_for_customers_is_filled_in(code):
    finding = {"code": code, "field": "FIELD", "value": "VALUE", "expected": ""}

    assert "{" not in customer_sentence(finding, "en")
    assert customer_sentence({"code": "aland_held"}, "en") == ""
