"""Changing a live tenant's export settings: tried on its invoices first, then saved."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldBooleanSwitchWidget,
)

from integrations import going_live
from integrations.admin.desk import ReasonLine, needs
from integrations.enums import TenantState
from integrations.mapping_models import MappingTable
from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal, percent
from invoices import rehearsal as runner
from invoices.admin.rehearsal_words import named, payload_fields, result_context, state_of

REHEARSE, CHANGE = "integrations.rehearse", "integrations.change_tenant"


class SettingsForm(forms.ModelForm):
    """The settings to try; the tenant itself is not saved by it."""

    class Meta:
        model = Tenant
        fields = going_live.EXPORT_SETTINGS
        widgets = {
            "invoice_channel": UnfoldAdminSelectWidget,
            "after_submit": UnfoldAdminSelectWidget,
            "default_vat_status": UnfoldAdminIntegerFieldWidget,
            "vat_status_by_category": UnfoldAdminTextareaWidget(attrs={"rows": 2}),
            "invoice_language": UnfoldAdminSelectWidget,
            "penalty_percent": UnfoldAdminDecimalFieldWidget,
            "days_to_pay": UnfoldAdminIntegerFieldWidget,
            "drop_invalid_reference": UnfoldBooleanSwitchWidget,
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Its versions have taken the setting's place.
        if self.instance.mapping_versions.filter(table=MappingTable.VAT).exists():
            del self.fields["vat_status_by_category"]

    def tried(self) -> dict[str, Any]:
        """What differs from the settings as they are; {} with an error when nothing does."""
        present = Tenant.objects.get(pk=self.instance.pk)
        found = going_live.differing(present, self.instance)
        if not found:
            self.add_error(None, _("Nothing differs from the present settings."))
        return found


class ReasonForm(ReasonLine):
    """Whether a reason is needed, the gate knows."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


class SettingsPages(ModelAdmin):
    """Mixed into the rehearsals' admin."""

    def get_urls(self) -> list[Any]:
        page = path(
            "tenant/<int:pk>/settings/",
            self.admin_site.admin_view(self.settings_of_tenant),
            name="integrations_rehearsal_settings",
        )
        return [page, *super().get_urls()]

    def settings_of_tenant(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The settings to try and what came of those tried (`?rehearsal=`); by a POST a new
        try, or saving them."""
        needs(request, REHEARSE)
        tenant = get_object_or_404(Tenant, pk=pk)
        tried = _tried(tenant, request.GET.get("rehearsal", ""))
        reason = ReasonForm(request.POST if "save" in request.POST else None)
        shown = going_live.proposed(tenant, tried.settings_tried) if tried else tenant
        form = SettingsForm(request.POST if "try" in request.POST else None, instance=shown)
        answer = None
        if "try" in request.POST:
            answer = _try(request, tenant, form)
        elif "save" in request.POST and tried:
            answer = _save(request, tried, reason)
        if answer is not None:
            return answer
        context = self.admin_site.each_context(request) | {
            "title": _t("Rehearse a change of settings: %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "form": form,
            "reason": reason,
            "rehearsal": tried,
            "state": state_of(tried),
            "may_save": request.user.has_perm(CHANGE),
            "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            "opts": self.opts,
            **(_result(tenant, tried) if tried else {}),
        }
        return render(request, "desk/settings_change.html", context)


def _tried(tenant: Tenant, pk: str) -> Rehearsal | None:
    if not (pk.isascii() and pk.isdecimal() and len(pk) < 18):
        return None
    of_settings = tenant.rehearsals.exclude(settings_tried={}).exclude(
        settings_tried__has_key=going_live.MAPPING_TABLE
    )
    return of_settings.filter(pk=pk).first()


def _page_of(rehearsal: Rehearsal) -> str:
    page = reverse("admin:integrations_rehearsal_settings", args=[rehearsal.tenant_id])
    return f"{page}?rehearsal={rehearsal.pk}"


def _try(request: HttpRequest, tenant: Tenant, form: SettingsForm) -> HttpResponse | None:
    if tenant.state == TenantState.CLOSED:
        form.add_error(None, _t("The tenant is closed."))
    if not form.is_valid():
        return None
    tried = form.tried()
    if not tried:
        return None
    return HttpResponseRedirect(_page_of(runner.ask_for(tenant, by=request.user, tried=tried)))


def _save(request: HttpRequest, tried: Rehearsal, form: ReasonForm) -> HttpResponse | None:
    """None when the page is to be shown again, with an error at the reason."""
    needs(request, CHANGE)
    if not form.is_valid():
        return None
    try:
        done = going_live.save_settings(tried, by=request.user, reason=form.cleaned_data["reason"])
    except going_live.NotReady as error:
        if error.reason_opens:
            form.add_error("reason", _t("%(why)s Give a reason.") % {"why": error})
            return None
        messages.error(request, str(error))
        return HttpResponseRedirect(_page_of(tried))
    if done:
        messages.success(request, _t("The settings are saved: they hold from the next invoice."))
    else:
        messages.warning(request, _t("Nothing changed: the settings have been saved already."))
    return HttpResponseRedirect(reverse("admin:integrations_tenant_change", args=[tried.tenant_id]))


def _result(tenant: Tenant, tried: Rehearsal) -> dict[str, Any]:
    before = tried.passed_before or 0
    return {
        "changes": _changes(tenant, tried),
        "score_before": percent(before, tried.total),
        **tried_context(tenant, tried),
    }


def tried_context(tenant: Tenant, tried: Rehearsal) -> dict[str, Any]:
    """What any change that was tried comes to, and whether it may be saved."""
    return {
        "payload_fields": payload_fields(tried),
        "gate": going_live.settings_gate(tenant, tried),
        "newly_passing": named(tried.newly_passing) | tried.newly_passing,
        "newly_failing": named(tried.newly_failing) | tried.newly_failing,
        **result_context(tried),
    }


def _changes(tenant: Tenant, tried: Rehearsal) -> list[dict[str, str]]:
    """Each setting that was tried: its name, its value now and the one tried."""
    wanted = going_live.proposed(tenant, tried.settings_tried)
    return [
        {
            "name": str(Tenant._meta.get_field(name).verbose_name),
            "now": _shown(tenant, name),
            "tried": _shown(wanted, name),
        }
        for name in tried.settings_tried
    ]


def _shown(tenant: Tenant, name: str) -> str:
    value = getattr(tenant, f"get_{name}_display", lambda: getattr(tenant, name))()
    if isinstance(value, bool):
        return _t("Yes") if value else _t("No")
    if isinstance(value, dict):
        return ", ".join(f"{key} = {number}" for key, number in sorted(value.items())) or "–"
    return "–" if value is None else str(value)
