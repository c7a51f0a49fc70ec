"""The proof of last use: a page for staff, and a letter for the customer to print."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from integrations import offboarding, proof, replies
from integrations.advice import LANGUAGES
from integrations.enums import TenantState
from integrations.models import Tenant
from integrations.offboarding import OpenWork

_OPEN: dict[str, Promise] = {
    "queued": _("Exports in the queue"),
    "in_flight": _("Requests that may be under way"),
    "in_doubt": _("In doubt: nobody knows yet whether they are in Procountor"),
    "needs_attention": _("Exports that need attention"),
    "parked": _("Parked exports"),
    "drafts": _("Drafts"),
    "unread": _("Accepted by Procountor and not read back yet"),
    "steps_waiting": _("Steps after submitting that wait"),
}
#: Which rows of the list of exports a count stands for.
_STATUSES = {
    "queued": "queued",
    "in_flight": "submitting",
    "in_doubt": "unknown",
    "needs_attention": "needs_attention",
    "parked": "parked",
    "drafts": "draft",
    "unread": "submitted",
}


class ProofDesk(ModelAdmin):
    """Mixed into the tenants' admin, which owns the pages' addresses."""

    def get_urls(self) -> list[Any]:
        pages = [
            path(
                f"<int:object_id>/{address}/",
                self.admin_site.admin_view(view),
                name=f"integrations_tenant_{name}",
            )
            for address, view, name in (
                ("proof", self.proof_page, "proof"),
                ("proof/letter", self.proof_letter, "proof_letter"),
            )
        ]
        return [*pages, *super().get_urls()]

    def proof_page(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """When each key was last used, that it is not used any more, and what happens to it."""
        tenant = self._tenant_to_prove(request, object_id)
        found = proof.proof_of(tenant)
        context = self.admin_site.each_context(request) | {
            "title": _t("Proof of last use: %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "proof": found,
            "uses": [(proof.KINDS[use.kind], use) for use in found.uses],
            "events": [(proof.EVENTS[each.action], each) for each in found.evidence.events],
            "open": counted(tenant, offboarding.open_work(tenant)),
            "languages": LANGUAGES.items(),
            "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            "opts": self.opts,
        }
        return render(request, "desk/proof.html", context)

    def proof_letter(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """The same for the customer, in its language, on a page to print."""
        tenant = self._tenant_to_prove(request, object_id)
        language = request.GET.get("language", "")
        language = language if language in LANGUAGES else tenant.language
        context = self.admin_site.each_context(request) | {
            "title": _t("Proof of last use: %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "letter": replies.ending_of(proof.proof_of(tenant), language),
            "language": language,
            "languages": LANGUAGES.items(),
            "back": reverse("admin:integrations_tenant_proof", args=[tenant.pk]),
            "opts": self.opts,
        }
        return render(request, "desk/proof_letter.html", context)

    def _tenant_to_prove(self, request: HttpRequest, object_id: int) -> Tenant:
        if not request.user.has_perm("integrations.view_credential"):
            raise PermissionDenied
        return get_object_or_404(
            Tenant.objects.select_related("closed_by"), pk=object_id, state=TenantState.CLOSED
        )


def counted(tenant: Tenant, work: OpenWork) -> list[dict[str, Any]]:
    """What is open, each with a link to the exports it stands for."""
    exports = reverse("admin:invoices_invoiceexport_changelist")
    where = f"{exports}?tenant__id__exact={tenant.pk}&status__exact="
    return [
        {
            "text": _OPEN[name],
            "count": count,
            "url": where + _STATUSES[name] if name in _STATUSES else "",
        }
        for name, count in work.as_json().items()
    ]
