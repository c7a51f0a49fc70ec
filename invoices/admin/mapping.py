"""Mapping tables of a tenant: what holds when and since when, what no table knows, and a new
version, which is rehearsed before it is saved."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _t

from integrations import going_live, mapping_tables
from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.enums import TenantState
from integrations.mapping_models import MappingTable, MappingVersion, entries_on
from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal
from invoices import rehearsal as runner
from invoices.admin.mapping_forms import SinceForm, entry_forms
from invoices.admin.rehearsal_words import state_of
from invoices.admin.settings_change import CHANGE, REHEARSE, ReasonForm, tried_context
from invoices.admin.words import money
from invoices.mapping.tables import TARGETS
from invoices.preflight import latest_reference_data
from invoices.unmapped import DAYS, unmapped

VIEW = "integrations.view_mappingversion"


@admin.register(MappingVersion)
class MappingVersionAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "tenant", "table", "since", "created_by", "reason"]
    list_filter = ["table", ("tenant", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["tenant", "created_by"]
    fields = [
        ("tenant", "table"),
        ("since", "created_at"),
        ("created_by", "rehearsal"),
        "reason",
        "entries",
        "difference",
    ]

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("tenant/<int:pk>/", wrap(self.of_tenant), name="integrations_mapping_of_tenant"),
            path(
                "tenant/<int:pk>/<slug:table>/",
                wrap(self.table_of_tenant),
                name="integrations_mapping_table",
            ),
            *super().get_urls(),
        ]

    def of_tenant(self, request: HttpRequest, pk: int) -> HttpResponse:
        """All tables of the tenant, and what is in none of them."""
        needs(request, VIEW)
        tenant = get_object_or_404(Tenant, pk=pk)
        context = self.admin_site.each_context(request) | {
            "title": _t("Mapping tables: %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "tables": _tables(tenant),
            "unmapped": [_unmapped(tenant, entry) for entry in unmapped(tenant)],
            "days": DAYS,
            "may_try": request.user.has_perm(REHEARSE) and tenant.state != TenantState.CLOSED,
            "back": reverse("admin:integrations_tenant_change", args=[pk]),
            "opts": self.opts,
        }
        return render(request, "desk/mapping.html", context)

    def table_of_tenant(self, request: HttpRequest, pk: int, table: str) -> HttpResponse:
        """A new version of one table and what came of trying it (`?rehearsal=`); `?value=`
        begins an entry for that word."""
        needs(request, REHEARSE)
        if table not in MappingTable.values:
            raise Http404(table)
        tenant = get_object_or_404(Tenant, pk=pk)
        tried = _tried(tenant, table, request.GET.get("rehearsal", ""))
        posted = request.POST if "try" in request.POST else None
        since, entries = _forms(tenant, table, tried, posted, request.GET.get("value"))
        reason = ReasonForm(request.POST if "save" in request.POST else None)
        answer = None
        if posted is not None:
            answer = _try(request, tenant, table, since, entries)
        elif "save" in request.POST and tried:
            answer = _save(request, tried, reason)
        if answer is not None:
            return answer
        context = self.admin_site.each_context(request) | {
            "title": f"{MappingTable(table).label}: {tenant}",
            "tenant": tenant,
            "table": MappingTable(table),
            "since": since,
            "entries": entries,
            "reason": reason,
            "rehearsal": tried,
            "state": state_of(tried),
            "may_save": request.user.has_perm(CHANGE),
            "back": reverse("admin:integrations_mapping_of_tenant", args=[pk]),
            "opts": self.opts,
            **(_result(tenant, tried) if tried else {}),
        }
        return render(request, "desk/mapping_table.html", context)


def targets_of(tenant: Tenant, table: str) -> list[tuple[str, str]]:
    """What may be chosen; empty where a number is written."""
    allowed = TARGETS[table]
    if allowed is not None:
        return [(name, name.replace("_", " ").capitalize()) for name in sorted(allowed)]
    if table != MappingTable.VAT:
        return []
    statuses = latest_reference_data(tenant).get("vat_statuses") or []
    return [(str(number), str(number)) for number in sorted(int(s) for s in statuses)]


def _tables(tenant: Tenant) -> list[dict[str, Any]]:
    """Each table as it is for invoices of today, with its versions, the newest first."""
    today = timezone.localdate()
    versions = tenant.mapping_versions.select_related("created_by").order_by("-since", "-pk")
    by_table: dict[str, list[MappingVersion]] = {}
    for version in versions:
        by_table.setdefault(version.table, []).append(version)
    return [
        {
            "label": table.label,
            "entries": sorted(entries_on(tenant, table, today).items()),
            "versions": _with_ends(by_table.get(table, []), today),
            "url": reverse("admin:integrations_mapping_table", args=[tenant.pk, table.value]),
        }
        for table in MappingTable
    ]


def _with_ends(versions: list[MappingVersion], today: dt.date) -> list[dict[str, Any]]:
    """Versions with their last day: none for the last, a day before the first for one that a
    later version of the same day took the place of."""
    found: list[dict[str, Any]] = []
    following: dt.date | None = None
    for version in versions:
        until = following - dt.timedelta(days=1) if following else None
        replaced = until is not None and until < version.since
        holds = version.since <= today and (until is None or today <= until)
        found.append({"object": version, "until": until, "replaced": replaced, "holds": holds})
        following = version.since
    return found


def _unmapped(tenant: Tenant, entry: Any) -> dict[str, Any]:
    page = reverse("admin:integrations_mapping_table", args=[tenant.pk, entry.table])
    return {
        "table": MappingTable(entry.table).label,
        "word": entry.word,
        "fallback": entry.fallback,
        "count": entry.count,
        "total": money(entry.total, "EUR"),
        "url": f"{page}?{urlencode({'value': entry.word})}",
    }


def _tried(tenant: Tenant, table: str, pk: str) -> Rehearsal | None:
    if not (pk.isascii() and pk.isdecimal() and len(pk) < 18):
        return None
    found = tenant.rehearsals.filter(pk=pk).first()
    kept = found.settings_tried.get(mapping_tables.TRIED) if found else None
    return found if kept and kept["table"] == table else None


def _forms(
    tenant: Tenant, table: str, tried: Rehearsal | None, posted: Any, word: str | None
) -> tuple[SinceForm, Any]:
    if tried is not None:
        kept = tried.settings_tried[mapping_tables.TRIED]
        since, entries = dt.date.fromisoformat(kept["since"]), kept["entries"]
    else:
        since = timezone.localdate()
        newest = tenant.mapping_versions.filter(table=table).order_by("-since").first()
        entries = entries_on(tenant, table, max(since, newest.since) if newest else since)
    forms = entry_forms(table, entries, targets_of(tenant, table), data=posted, word=word)
    return SinceForm(posted, initial={"since": since}), forms


def _try(
    request: HttpRequest, tenant: Tenant, table: str, since: SinceForm, entries: Any
) -> HttpResponse | None:
    """None when the page is to be shown again, with errors at the fields."""
    valid = since.is_valid() & entries.is_valid()
    if tenant.state == TenantState.CLOSED:
        since.add_error(None, _t("The tenant is closed."))
        return None
    if not valid:
        return None
    first = since.cleaned_data["since"]
    wanted = entries.entries()
    if not mapping_tables.difference(entries_on(tenant, table, first), wanted):
        since.add_error(None, _t("Nothing differs from the table that holds on that day."))
        return None
    tried = {"table": table, "since": first.isoformat(), "entries": wanted}
    asked = runner.ask_for(tenant, by=request.user, tried={mapping_tables.TRIED: tried})
    return HttpResponseRedirect(_page_of(asked))


def _page_of(rehearsal: Rehearsal) -> str:
    table = rehearsal.settings_tried[mapping_tables.TRIED]["table"]
    page = reverse("admin:integrations_mapping_table", args=[rehearsal.tenant_id, table])
    return f"{page}?rehearsal={rehearsal.pk}"


def _save(request: HttpRequest, tried: Rehearsal, form: ReasonForm) -> HttpResponse | None:
    """None when the page is to be shown again, with an error at the reason."""
    needs(request, CHANGE)
    if not form.is_valid():
        return None
    try:
        version = mapping_tables.save_version(
            tried, by=request.user, reason=form.cleaned_data["reason"]
        )
    except going_live.NotReady as error:
        if error.reason_opens:
            form.add_error("reason", _t("%(why)s Give a reason.") % {"why": error})
            return None
        messages.error(request, str(error))
        return HttpResponseRedirect(_page_of(tried))
    if version is None:
        messages.warning(request, _t("Nothing changed: the table has been saved already."))
    else:
        messages.success(request, _t("The table is saved as a new version."))
    return HttpResponseRedirect(
        reverse("admin:integrations_mapping_of_tenant", args=[tried.tenant_id])
    )


def _result(tenant: Tenant, tried: Rehearsal) -> dict[str, Any]:
    kept = tried.settings_tried[mapping_tables.TRIED]
    first = dt.date.fromisoformat(kept["since"])
    saved = getattr(tried, "mapping_version", None)
    before = entries_on(tenant, kept["table"], first)
    return {
        "first_day": first,
        "difference": saved.difference
        if saved
        else mapping_tables.difference(before, kept["entries"]),
        **tried_context(tenant, tried),
    }
