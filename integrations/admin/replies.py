"""The page with the texts to send to a customer; a text that was sent is noted in the trail."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from unfold.admin import ModelAdmin

from integrations import replies
from integrations.advice import LANGUAGES
from integrations.models import Tenant
from integrations.signals import acted


class ReplyDesk(ModelAdmin):
    """Mixed into the tenants' admin, which owns the pages' addresses and permissions."""

    def get_urls(self) -> list[Any]:
        page = path(
            "<int:object_id>/write/",
            self.admin_site.admin_view(self.write_to_customer),
            name="integrations_tenant_write_to_customer",
        )
        return [page, *super().get_urls()]

    def write_to_customer(self, request: HttpRequest, object_id: int) -> HttpResponse:
        if not request.user.has_perm("integrations.file_credential"):
            raise PermissionDenied
        tenant = get_object_or_404(Tenant, pk=object_id)
        language = request.GET.get("language", "")
        language = language if language in LANGUAGES else tenant.language
        texts = replies.replies_for(tenant, language)
        page = reverse("admin:integrations_tenant_write_to_customer", args=[tenant.pk])
        if request.method == "POST":
            sent = {reply.code: reply for reply in texts}.get(request.POST.get("sent", ""))
            if sent is None:
                messages.error(request, _t("That text does not fit any more: look again."))
            else:
                acted.send(
                    Tenant,
                    action="customer.told",
                    tenant=tenant,
                    by=request.user,
                    data={"text": sent.code, "language": language},
                )
                messages.success(request, _t("Noted: the customer has been written to."))
            return HttpResponseRedirect(f"{page}?language={language}")
        context: dict[str, Any] = self.admin_site.each_context(request) | {
            "title": _t("Write to %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "replies": texts,
            "languages": LANGUAGES.items(),
            "language": language,
            "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            "opts": self.opts,
        }
        return render(request, "desk/replies.html", context)
