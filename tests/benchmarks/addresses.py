"""The pages of the admin that grow with the exports, each with the role that reads it."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

ACCOUNTANT, SUPPORT, MANAGEMENT = "accountant", "support", "management"
_INVOICES, _CONNECTIONS = "/admin/invoices/", "/admin/integrations/"
_STATUSES = ("reconciled", "needs_attention", "unknown", "parked", "queued")


def addresses() -> list[tuple[str, str, str]]:
    """(name, role, address) of each page, for the rows that are there."""
    return [*_exports(), *_searches(), *_work(), *_others(), *_figures(), *_history(), *_ledger()]


def _at(page: str, /, **query: object) -> str:
    return f"{_INVOICES}{page}/" + (f"?{urlencode(query, doseq=True)}" if query else "")


def _month(name: str, day: dt.date) -> dict[str, str]:
    return {f"{name}_from": f"{day:%Y-%m}-01", f"{name}_to": f"{day:%Y-%m}-28"}


def _tenants() -> list[Any]:
    """One with two fifths of all exports, and one with three percent."""
    from integrations.models import Tenant

    return [Tenant.objects.order_by("pk")[number].pk for number in (0, 2)]


def _exports() -> list[tuple[str, str, str]]:
    from invoices.cause_models import ExportCause
    from invoices.models import InvoiceExport

    large, small = _tenants()
    exports = InvoiceExport.objects.order_by("pk")
    count = exports.count()
    old = exports.select_related("invoice")[count // 4].invoice.date
    key = ExportCause.objects.filter(ended_at=None).values_list("key", flat=True)[0]
    of_small = {"tenant__id__exact": small}
    invoiced, submitted = _month("invoice__date", old), _month("submitted_at", old)
    year = {"invoice__date_from": f"{old:%Y}-01-01", "invoice__date_to": f"{old:%Y}-12-31"}
    needs_attention = {"status__exact": "needs_attention"}
    queries: dict[str, dict[str, Any]] = {
        "list": {},
        "list, page 15": {"p": 15},
        "list, last page offered": {"p": min(count, 10_000) // 50},
        "list by total": {"o": "7"},
        "list by last change": {"o": "-8"},
        "list: reconciled": {"status__exact": "reconciled"},
        "list: needs attention": needs_attention,
        "list: unknown (did it land)": {"status__exact": "unknown"},
        "list: parked, by total": {"status__exact": "parked", "o": "-7"},
        "list: a reason": {"attention_reason__exact": "refused"},
        "list: no such reason": {"attention_reason__exact": "conflict"},
        "list: no such parked": {"parked_reason__exact": "person"},
        "list: large tenant": {"tenant__id__exact": large},
        "list: small tenant": of_small,
        "list: tenant, attention": of_small | needs_attention,
        "list: large tenant, attention": {"tenant__id__exact": large} | needs_attention,
        "list: tenant, reconciled": of_small | {"status__exact": "reconciled"},
        "list: invoices of a month": invoiced,
        "list: invoices of a year": year,
        "list: tenant, month": of_small | invoiced,
        "list: attention, month": invoiced | needs_attention,
        "list: submitted in a month": submitted,
        "list: tenant, submitted": of_small | submitted,
        "list: a cause": {"cause": key},
    }
    return [(name, ACCOUNTANT, _at("invoiceexport", **query)) for name, query in queries.items()]


def _searches() -> list[tuple[str, str, str]]:
    from invoices.models import InvoiceExport

    newest = InvoiceExport.objects.filter(status="reconciled").select_related("invoice")[0]
    queries: dict[str, dict[str, str]] = {
        "search: our number": {"q": newest.invoice.number},
        "search: beginning of number": {"q": "H-77"},
        "search: their number": {"q": newest.remote_number},
        "search: buyer": {"q": newest.invoice.buyer_name},
        "search: common word": {"q": "Asunto"},
        "search: common word, unknown": {"q": "Asunto", "status__exact": "unknown"},
        "search: corrected buyer": {"q": "Oikaistu"},
        "search: tenant": {"q": "Yritys 2 Oy"},
        "search: nothing": {"q": "Olematon"},
    }
    return [(name, ACCOUNTANT, _at("invoiceexport", **query)) for name, query in queries.items()]


def _work() -> list[tuple[str, str, str]]:
    from invoices.cause_models import ExportCause
    from invoices.models import InvoiceExport
    from invoices.plan_models import BulkPlan

    large, _small = _tenants()
    key = ExportCause.objects.filter(ended_at=None).values_list("key", flat=True)[0]
    newest = {
        status: InvoiceExport.objects.filter(status=status).values_list("pk", flat=True)[0]
        for status in _STATUSES
    }
    pages = {
        "home": "/admin/",
        "needs action": _at("invoiceexport/needs-action"),
        "needs action: parked, page 9": _at("invoiceexport/needs-action", status="parked", page=9),
        "needs action: one tenant": _at("invoiceexport/needs-action", tenant=large),
        "needs action: mine": _at("invoiceexport/needs-action", who="me"),
        "causes": _at("exportcause"),
        "causes of a tenant": _at("exportcause", tenant=large),
        "one cause": _at(f"exportcause/group/{key}"),
        "plans": _at("bulkplan"),
        "plan": _at(f"bulkplan/{BulkPlan.objects.all()[0].pk}/plan"),
        "closed periods": _at("periodmove/waiting"),
        "fixes": _at("fix"),
        "words of codes": _at("wordingversion"),
        "codes without words": _at("unknowncode"),
        **{f"export: {name}": _at(f"invoiceexport/{pk}/change") for name, pk in newest.items()},
    }
    return [(name, ACCOUNTANT, page) for name, page in pages.items()]


def _others() -> list[tuple[str, str, str]]:
    from invoices.models import Invoice, ReceivedItem

    large, small = _tenants()
    invoices = Invoice.objects.order_by("pk")
    newest, old = invoices.last(), invoices[invoices.count() // 4].date
    assert newest is not None
    of_small = {"tenant__id__exact": small}
    file = ReceivedItem.objects.order_by("pk")[6].file_id
    support = {
        "home, support": "/admin/",
        "invoices": _at("invoice"),
        "invoices: credit notes": _at("invoice", is_credit_note__exact=1),
        "invoices: a tenant": _at("invoice", **of_small),
        "invoices: of a month": _at("invoice", **_month("date", old)),
        "invoices by total": _at("invoice", o=6),
        "invoices, search": _at("invoice", q="kukka"),
        "one invoice": _at(f"invoice/{newest.pk}/change"),
        "received files": _at("receivedfile"),
        "received files, page 15": _at("receivedfile", p=15),
        "received files: a tenant": _at("receivedfile", **of_small),
        "received files, by number": _at("receivedfile", q=newest.number),
        "received files, by name": _at("receivedfile", q="lasku-9"),
        "one file": _at(f"receivedfile/{file}/change"),
        "tenants": f"{_CONNECTIONS}tenant/",
        "onboarding": f"{_CONNECTIONS}tenant/onboarding/",
        "one tenant": f"{_CONNECTIONS}tenant/{large}/change/",
        "tenant's mapping": f"{_CONNECTIONS}mappingversion/tenant/{large}/",
    }
    management = {
        "home, management": "/admin/",
        "alerts": _at("alert"),
        "alerts, open": _at("alert", open="yes"),
        "audit trail": _at("auditevent"),
        "audit trail: an action": _at("auditevent", action="export.skipped"),
        "audit trail: no such action": _at("auditevent", action="bulk.stopped"),
        "audit trail: tenant, action": _at("auditevent", action="export.skipped", **of_small),
        "audit trail: today": _at("auditevent", at_from=dt.date.today()),
        "audit trail: a month": _at("auditevent", **_month("at", old)),
        "audit trail, by number": _at("auditevent", q=newest.number),
    }
    by_role = ((SUPPORT, support), (MANAGEMENT, management))
    return [(name, role, page) for role, pages in by_role for name, page in pages.items()]


def _of_management(pages: dict[str, str]) -> list[tuple[str, str, str]]:
    return [(name, MANAGEMENT, page) for name, page in pages.items()]


def _figures() -> list[tuple[str, str, str]]:
    large, small = _tenants()
    return _of_management(
        {
            "figures": _at("rollup"),
            "figures: this year": _at("rollup", period="year"),
            "figures: year of a tenant": _at("rollup", period="year", tenant=large),
            "figures: two years": _at("rollup", **{"from": "2024-12-01", "to": dt.date.today()}),
            "scorecard": _at(f"rollup/scorecard/{large}"),
            "scorecard: two years": _at(
                f"rollup/scorecard/{large}", **{"from": "2024-12-01", "to": dt.date.today()}
            ),
            "scorecard: small tenant": _at(f"rollup/scorecard/{small}"),
        }
    )


def _history() -> list[tuple[str, str, str]]:
    from invoices.models import InvoiceExport
    from invoices.report_models import ExportFact

    large, small = _tenants()
    exported = ExportFact.objects.filter(exported_on__isnull=False).order_by("exported_on", "pk")
    day, old = exported.values_list("exported_on", "pk")[exported.count() // 10]
    newest = InvoiceExport.objects.filter(status="reconciled").select_related("invoice")[0]
    far_down = {"after": f"{day.isoformat()}.{old}", "shown": 900_000}
    everything = {"period": "all"}
    taken = everything | {"day": "taken"}
    columns = {"col": ["number", "buyer", "date", "due_date", "total", "status", "first_pass"]}
    queries: dict[str, dict[str, Any]] = {
        "history": {},
        "history: this year": {"period": "year"},
        "history: all days": everything,
        "history: all days, far down": everything | far_down,
        "history: taken in, far down": taken | far_down,
        "history: tenant, far down": everything | far_down | {"tenant": small},
        "history: other columns": everything | columns,
        "history: all taken in": taken,
        "history: open failures": taken | {"state": "failed"},
        "history: failures of a tenant": taken | {"state": "failed", "tenant": small},
        "history: skipped": taken | {"state": "skipped"},
        "history: under way": taken | {"state": "waiting"},
        "history: in Procountor": taken | {"state": "exported"},
        "history: first pass": everything | {"first_try": "yes"},
        "history: no first pass": everything | {"first_try": "no"},
        "history: no first pass, year": {"period": "year", "first_try": "no"},
        "history: no first pass, tenant": everything | {"first_try": "no", "tenant": small},
        "history: no first pass, taken in": {"period": "year", "first_try": "no", "day": "taken"},
        "history: first pass, taken in": {"period": "year", "first_try": "yes", "day": "taken"},
        "history: a tenant": everything | {"tenant": large},
        "history: small tenant": everything | {"tenant": small},
        "history: a currency": everything | {"currency": "EUR"},
        "history: no such currency": everything | {"currency": "SEK"},
        "history, search: number": everything | {"q": newest.invoice.number},
        "history, search: beginning of number": everything | {"q": "H-77"},
        "history, search: buyer": everything | {"q": newest.invoice.buyer_name},
        "history, search: corrected buyer": everything | {"q": "Oikaistu"},
        "history, search: common word": everything | {"q": "Asunto"},
        "history, search: common, month": {"q": "Asunto"},
        "history, search: tenant": everything | {"q": "Yritys 2 Oy"},
        "history, search: nothing": everything | {"q": "Olematon"},
    }
    pages = {name: _at("exportfact", **query) for name, query in queries.items()}
    pages |= {"history files": _at("historyfile")}
    return _of_management(pages)


def _ledger() -> list[tuple[str, str, str]]:
    from invoices.ledger_models import LedgerDay

    large, small = _tenants()
    days = LedgerDay.objects.filter(tenant=large).order_by("day")
    day = days[days.count() // 4].day
    differences = "ledgerdifference"
    return _of_management(
        {
            "calendars": _at("ledgerday/months"),
            "calendars of a month": _at("ledgerday/months", month=f"{day:%Y-%m}"),
            "calendar": _at(f"ledgerday/{large}/{day:%Y-%m}"),
            "calendar: small tenant": _at(f"ledgerday/{small}/{day:%Y-%m}"),
            "a day": _at(f"ledgerday/{large}/{day:%Y-%m-%d}"),
            "a day: small tenant": _at(f"ledgerday/{small}/{day:%Y-%m-%d}"),
            "differences": _at(differences),
            "differences: done": _at(differences, open="no"),
            "differences: all of a tenant": _at(differences, open="all", tenant__id__exact=large),
            "differences: by age": _at(differences, o="-5"),
            "chains": _at("evidencechain"),
        }
    )
