"""Rehearsals: what would become of a tenant's invoices, what is to be put right by whom, and the
button by which the tenant goes live."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations import going_live
from integrations.admin.desk import ReadOnlyAdmin, needs
from integrations.enums import TenantState
from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal
from invoices import rehearsal as runner
from invoices.admin.rehearsal_words import letters, result_context, state_of
from invoices.admin.settings_change import ReasonForm, SettingsPages

REHEARSE, GO_LIVE = "integrations.rehearse", "integrations.go_live"


@admin.register(Rehearsal)
class RehearsalAdmin(SettingsPages, ReadOnlyAdmin):
    list_display = ["requested_at", "tenant", "about", "result", "requested_by"]
    list_filter = ["requested_at", ("tenant", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["tenant", "requested_by"]
    fields = [
        ("tenant", "requested_by"),
        ("requested_at", "finished_at"),
        ("connection_check", "invoices"),
        ("passed", "total"),
        ("passed_before", "rejected"),
        ("settings_tried", "saved_at"),
    ]

    @display(description=_("about"))
    def about(self, rehearsal: Rehearsal) -> str:
        tried = ", ".join(
            str(
                _("mapping table")
                if name == going_live.MAPPING_TABLE
                else Tenant._meta.get_field(name).verbose_name
            )
            for name in rehearsal.settings_tried
        )
        return tried or _t("Settings as they are")

    @display(description=_("would pass"))
    def result(self, rehearsal: Rehearsal) -> str:
        if not rehearsal.is_done or not rehearsal.total:
            return "–"
        return f"{rehearsal.passed} / {rehearsal.total} ({rehearsal.score} %)"

    def get_urls(self) -> list[Any]:
        page = path(
            "tenant/<int:pk>/",
            self.admin_site.admin_view(self.of_tenant),
            name="integrations_rehearsal_of_tenant",
        )
        return [page, *super().get_urls()]

    def of_tenant(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The newest rehearsal of the tenant; by a POST a new one, or going live."""
        needs(request, "integrations.view_rehearsal")
        tenant = get_object_or_404(Tenant, pk=pk)
        form = ReasonForm(request.POST if "go_live" in request.POST else None)
        if "rehearse" in request.POST:
            return self._rehearse(request, tenant)
        if "go_live" in request.POST:
            answer = self._go_live(request, tenant, form)
            if answer is not None:
                return answer
        context = self.admin_site.each_context(request) | page_context(request, tenant)
        if context["state"] in ("none", "empty"):  # nothing to read before the reason
            form.fields["reason"].widget.attrs["autofocus"] = True
        return render(request, "desk/rehearsal.html", context | {"form": form, "opts": self.opts})

    def _rehearse(self, request: HttpRequest, tenant: Tenant) -> HttpResponse:
        needs(request, REHEARSE)
        if tenant.state == TenantState.CLOSED:
            messages.error(request, _t("The tenant is closed."))
        else:
            runner.ask_for(tenant, by=request.user)
        return HttpResponseRedirect(_page_of(tenant))

    def _go_live(
        self, request: HttpRequest, tenant: Tenant, form: ReasonForm
    ) -> HttpResponse | None:
        """None when the page is to be shown again, with an error at the reason."""
        needs(request, GO_LIVE)
        if not form.is_valid():
            return None
        reason = form.cleaned_data["reason"]
        try:
            done = going_live.go_live(tenant, by=request.user, reason=reason)
        except going_live.NotReady as error:
            if error.reason_opens:
                form.add_error("reason", _t("%(why)s Give a reason.") % {"why": error})
                return None
            messages.error(request, str(error))
            return HttpResponseRedirect(_page_of(tenant))
        if done:
            sentence = _t("%(tenant)s is live: what is queued is submitted from now on.")
            messages.success(request, sentence % {"tenant": tenant})
        else:
            messages.warning(request, _t("Nothing changed: the tenant is live already."))
        return HttpResponseRedirect(reverse("admin:integrations_tenant_change", args=[tenant.pk]))


def _page_of(tenant: Tenant) -> str:
    return reverse("admin:integrations_rehearsal_of_tenant", args=[tenant.pk])


def page_context(request: HttpRequest, tenant: Tenant) -> dict[str, Any]:
    """Everything the page shows."""
    gate = going_live.gate_of(tenant)
    found = gate.rehearsal
    user = request.user
    may_open = user.has_perm(GO_LIVE) and not gate.barred
    return {
        "title": _t("Rehearsal: %(tenant)s") % {"tenant": tenant},
        "tenant": tenant,
        "gate": gate,
        "rehearsal": found,
        "state": state_of(found),
        "outdated": bool(found and found.is_done and found.basis != going_live.basis_of(tenant)),
        **(result_context(found) if found else {}),
        "letters": letters(tenant, found) if found else [],
        "may_rehearse": user.has_perm(REHEARSE) and tenant.state != TenantState.CLOSED,
        "may_go_live": may_open and state_of(found) not in ("waiting", "running"),
        "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
    }
