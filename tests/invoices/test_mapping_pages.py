"""Mapping tables: who may see, try and save them, and what is said before a change goes live."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations import going_live, mapping_tables
from integrations.mapping_models import MappingVersion, entries_on
from integrations.needs import needs_of
from invoices import filing
from invoices.mapping import tables
from invoices.mapping.tables import TableVersion, in_force, key_of
from invoices.models import AuditEvent, Invoice, InvoiceExport
from invoices.preflight import settings_of
from invoices.unmapped import unmapped
from tests import factories
from tests.rehearsals import rehearsed
from tests.staff import ANONYMOUS, EVERYBODY, NO_RIGHTS, log_in, refusal, said, text, url

PAGE, TABLE = "integrations_mapping_of_tenant", "integrations_mapping_table"
TRY = {"Support", "Accountant", "Administrator"}
SAVE = {"Support", "Administrator"}
ROLES = set(EVERYBODY) - {ANONYMOUS, NO_RIGHTS}
DAYS = st.dates(dt.date(2025, 1, 1), dt.date(2027, 12, 31))


def expected(rung, allowed, answer="shown"):
    if rung == ANONYMOUS:
        return "log in"
    return answer if rung in allowed else "refused"


def invoices(tenant, *words, **fields):
    """One invoice for each word, which is its row's unit."""
    row = factories.invoice()["rows"][0]
    made = [
        factories.invoice(f"M-{n}", rows=[row | {"unit": word}], **fields)
        for n, word in enumerate(words, 1)
    ]
    content = json.dumps({"invoices": made}).encode()
    received = filing.file_invoices(tenant, "own.json", content, via="command")
    assert filing.counts(received)["accepted"] == len(words), list(received.items.values())


def tried(tenant, table="unit", since="2026-01-01", **entries):
    return rehearsed(tenant, mapping_table={"table": table, "since": since, "entries": entries})


def form(since="2026-01-01", **entries):
    data = {"try": "1", "since": since, "entry-TOTAL_FORMS": str(len(entries))}
    data |= {"entry-INITIAL_FORMS": "0"}
    for n, (word, target) in enumerate(entries.items()):
        data |= {f"entry-{n}-word": word, f"entry-{n}-target": str(target)}
    return data


@given(st.lists(st.tuples(st.sampled_from(["unit", "vat"]), DAYS), max_size=8), DAYS)
def test_version_in_force_is_the_last_to_begin_and_of_one_day_the_newest(made, day):
    versions = [TableVersion(name, since, {"n": n}) for n, (name, since) in enumerate(made)]

    found = in_force(versions, "unit", day)

    begun = [v for v in versions if v.table == "unit" and v.since <= day]
    if not begun:
        assert found is None
    else:
        assert found is max(begun, key=lambda v: (v.since, v.entries["n"]))


@given(st.text(max_size=20))
def test_key_of_a_word_is_its_own_key(word):
    for table in tables.TARGETS:
        assert key_of(table, key_of(table, word).rstrip(". ")) == key_of(table, word).rstrip(". ")


@pytest.mark.django_db
class TestVersions:
    def test_page_and_mapping_agree_which_version_holds(self, tenant, admin_user):
        for since, unit in (("2026-03-01", "BOX"), ("2026-06-01", "CAN"), ("2026-04-01", "BAG")):
            assert mapping_tables.save_version(
                tried(tenant, since=since, tynnyri=unit), by=admin_user, reason="agreed"
            )

        found = settings_of(tenant)

        for day, unit in (
            (dt.date(2026, 2, 28), None),
            (dt.date(2026, 3, 1), "BOX"),
            (dt.date(2026, 4, 1), "BAG"),
            (dt.date(2026, 6, 1), "CAN"),
        ):
            assert found.on(day).units.get("tynnyri") == unit
            assert entries_on(tenant, "unit", day).get("tynnyri") == unit

    def test_vat_setting_is_the_table_before_the_first_version(self, make_tenant, admin_user):
        tenant = make_tenant(vat_status_by_category={"K": 5})
        version = mapping_tables.save_version(
            tried(tenant, "vat", "2026-03-01", K=3), by=admin_user, reason="wrong before"
        )

        assert version.difference == [{"word": "K", "before": 5, "after": 3}]
        assert settings_of(tenant).on(dt.date(2026, 2, 28)).vat_status_by_category == {"K": 5}
        assert settings_of(tenant).on(dt.date(2026, 3, 1)).vat_status_by_category == {"K": 3}
        assert needs_of(tenant).vat_statuses == {3}

    def test_versions_are_never_changed(self, tenant, admin_user):
        version = mapping_tables.save_version(
            tried(tenant, tynnyri="BOX"), by=admin_user, reason="x"
        )

        for change in (
            version.save,
            version.delete,
            MappingVersion.objects.all().delete,
            lambda: MappingVersion.objects.update(reason="y"),
        ):
            with pytest.raises(TypeError):
                change()

    def test_rehearsal_of_an_older_state_is_not_saved(self, tenant, admin_user):
        older = tried(tenant, tynnyri="BOX")
        assert mapping_tables.save_version(tried(tenant, kolli="BOX"), by=admin_user, reason="x")

        with pytest.raises(going_live.NotReady, match="have changed since"):
            mapping_tables.save_version(older, by=admin_user, reason="x")

        assert MappingVersion.objects.count() == 1

    def test_new_version_is_what_leaves_next(self, tenant, queued, admin_user, client):
        row = factories.invoice()["rows"][0]
        queued("A-1", rows=[row | {"unit": "tynnyri"}])
        mapping_tables.save_version(tried(tenant, tynnyri="BOX"), by=admin_user, reason="x")

        engine_ran(tenant)

        sent = json.loads(InvoiceExport.objects.get().attempts.get().request_body)
        assert sent["invoiceRows"][0]["unit"] == "BOX"
        assert "comment" not in sent["invoiceRows"][0]


def engine_ran(tenant):
    from invoices import engine  # noqa: PLC0415 - only where something is sent

    engine.run_lane(tenant.pk)


@pytest.mark.django_db
class TestPages:
    @pytest.mark.parametrize("rung", EVERYBODY)
    def test_ladder(self, client, tenant, rung):
        found = tried(tenant, tynnyri="BOX")
        log_in(client, rung)
        page = url(TABLE, tenant.pk, "unit")

        assert refusal(client.get(url(PAGE, tenant.pk))) == expected(rung, ROLES)
        assert refusal(client.get(page)) == expected(rung, TRY)
        answer = client.post(page, form(kolli="BOX"))
        assert refusal(answer) == expected(rung, TRY, "moved")
        answer = client.post(f"{page}?rehearsal={found.pk}", {"save": "1", "reason": "agreed"})
        assert refusal(answer) == expected(rung, SAVE, "moved")
        assert MappingVersion.objects.count() == (rung in SAVE)

    def test_tried_table_tells_what_would_change_and_is_saved_with_its_reason(self, client, tenant):
        invoices(tenant, "tynnyri", "tynnyri", "h")
        user = log_in(client, "Support")
        page = url(TABLE, tenant.pk, "unit")

        answer = client.post(page, form(**{"Tynnyri.": "BOX"}))
        found = tenant.rehearsals.get()
        assert found.settings_tried["mapping_table"]["entries"] == {"tynnyri": "BOX"}
        from invoices import rehearsal  # noqa: PLC0415 - as the background would

        rehearsal.run(found.pk)
        shown = text(client.get(answer["Location"]))

        assert "2 of the last 3 invoices would change" in shown
        assert "invoiceRows.unit" in shown and "NO_UNIT → BOX" in shown
        answer = client.post(answer["Location"], {"save": "1", "reason": ""})
        assert "Give a reason." in text(answer)
        answer = client.post(f"{page}?rehearsal={found.pk}", {"save": "1", "reason": "asked"})
        assert said(answer) == ["The table is saved as a new version."]
        version = MappingVersion.objects.get()
        assert (version.created_by, version.reason) == (user, "asked")
        assert version.difference == [{"word": "tynnyri", "before": None, "after": "BOX"}]
        event = AuditEvent.objects.get(action="tenant.mapping_changed")
        assert (event.by, event.data["difference"]) == (user, version.difference)
        again = client.post(f"{page}?rehearsal={found.pk}", {"save": "1", "reason": "again"})
        assert "have been saved already" in said(again)[-1]

    def test_tried_table_is_not_taken_for_tried_settings(self, client, tenant):
        found = tried(tenant, tynnyri="BOX")
        log_in(client, "Support")

        page = url("integrations_rehearsal_settings", tenant.pk)
        shown = client.get(f"{page}?rehearsal={found.pk}")

        assert shown.status_code == 200 and shown.context["rehearsal"] is None
        assert client.get(url("integrations_rehearsal_changelist")).status_code == 200

    @pytest.mark.parametrize(
        ("table", "data", "sentence"),
        [
            ("unit", form(x="NOTHING"), "Procountor does not know “NOTHING”."),
            ("unit", form(**{"": "BOX"}), "Give the word that the source uses."),
            ("unit", form(**{"Kolli": "BOX", "kolli.": "BAG"}), "is in the table twice"),
            ("unit", form(since="no", x="BOX"), "Enter a valid date."),
            ("unit", form(since="0001-01-01", x="BOX"), "Give a day of this century."),
            ("unit", form(), "Nothing differs from the table that holds on that day."),
            ("vat", form(Q="5"), "“Q” is not a VAT category"),
            ("vat", form(K="five"), "Give Procountor's number."),
            ("product", form(A="0"), "Give Procountor's number."),
        ],
    )
    def test_errors_are_told_at_their_field(self, client, tenant, table, data, sentence):
        log_in(client, "Support")

        answer = client.post(url(TABLE, tenant.pk, table), data)

        assert answer.status_code == 200
        assert sentence in text(answer)
        assert not tenant.rehearsals.exists()

    def test_unknown_words_are_counted_and_lead_to_the_form(self, client, tenant):
        invoices(tenant, "tynnyri", "tynnyri", "h")
        log_in(client, "Accountant")

        shown = text(client.get(url(PAGE, tenant.pk)))

        assert "tynnyri" in shown and "251.00 EUR" in shown
        link = f"{url(TABLE, tenant.pk, 'unit')}?value=tynnyri"
        assert link in shown
        entries = client.get(link).context["entries"]
        assert entries.forms[0].initial == {"word": "tynnyri"}

    def test_every_kind_of_unknown_word_is_found(self, tenant):
        row = factories.invoice()["rows"][0]
        zero = {"vat_percent": "0", "vat_category": "E", "code": "X"}
        address = factories.invoice()["buyer"]["address"]
        made = factories.invoice(
            "U-1",
            rows=[row | zero | {"unit": "t"}],
            gross_total="100.00",
            payment_method="Visa",
            buyer={"address": address | {"country": "UK"}},
            delivery_address=address | {"country": ""},
        )
        content = json.dumps(made).encode()
        filing.file_invoices(tenant, "own.json", content, via="command")
        assert Invoice.objects.count() == 1

        found = {(e.table, e.word, e.fallback, e.count, str(e.total)) for e in unmapped(tenant)}

        assert found == {
            ("vat", "E", "", 1, "100.00"),
            ("payment", "visa", "", 1, "100.00"),
            ("country", "UK", "", 1, "100.00"),
            ("country", "", "FINLAND", 1, "100.00"),
            ("unit", "t", "HOUR", 1, "100.00"),
        }

    def test_unknown_table_is_not_found(self, client, tenant):
        log_in(client, "Support")

        assert client.get(url(TABLE, tenant.pk, "nothing")).status_code == 404
