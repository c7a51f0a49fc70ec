"""The pages that invite a customer: make the link, send it, take it back."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.decorators import action
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations.advice import LANGUAGES
from integrations.connect import intake_links, invitations
from integrations.connect.invitations import Delivery
from integrations.connect.models import IntakeLink
from integrations.models import Tenant
from integrations.signals import acted


class CustomerForm(forms.ModelForm):
    """What is needed to invite a company we do not act for yet."""

    class Meta:
        model = Tenant
        fields = [
            "name",
            "business_id",
            "environment",
            "contact_name",
            "contact_email",
            "language",
        ]
        widgets = {
            "name": UnfoldAdminTextInputWidget(attrs={"autofocus": True}),
            "business_id": UnfoldAdminTextInputWidget,
            "environment": UnfoldAdminSelectWidget,
            "contact_name": UnfoldAdminTextInputWidget,
            "contact_email": UnfoldAdminTextInputWidget,
            "language": UnfoldAdminSelectWidget,
        }


class InviteDesk(ModelAdmin):
    """Mixed into the tenants' admin, which owns the pages' addresses and permissions."""

    def get_urls(self) -> list[Any]:
        page = path(
            "<int:object_id>/invite/",
            self.admin_site.admin_view(self.invite),
            name="integrations_tenant_invite",
        )
        return [page, *super().get_urls()]

    @action(
        description=_("Invite a customer"),
        url_path="invite-customer",
        permissions=["file"],
        icon="mail",
    )
    def invite_customer(self, request: HttpRequest) -> HttpResponse:
        """Add a tenant and make its intake link."""
        form = CustomerForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            with transaction.atomic():
                tenant = form.save()
                acted.send(Tenant, action="tenant.added", tenant=tenant, by=request.user, data={})
                intake_links.make(tenant, by=request.user)
            return HttpResponseRedirect(_page_of(tenant))
        context = self.admin_site.each_context(request) | {
            "title": _t("Invite a customer"),
            "form": form,
            "back": reverse("admin:integrations_tenant_changelist"),
            "button": _t("Make the link"),
            "opts": self.opts,
        }
        return render(request, "desk/form.html", context)

    def invite(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """One tenant's intake link: its letter, its state, and what can be done with it."""
        if not request.user.has_perm("integrations.file_credential"):
            raise PermissionDenied
        tenant = get_object_or_404(Tenant, pk=object_id)
        link = tenant.intake_links.first()
        language = request.GET.get("language", "")
        language = language if language in LANGUAGES else tenant.language
        if request.method == "POST":
            _act(request, tenant, link)
            return HttpResponseRedirect(f"{_page_of(tenant)}?language={language}")
        is_open = link is not None and link.is_open
        context = self.admin_site.each_context(request) | {
            "title": _t("Intake link of %(tenant)s") % {"tenant": tenant},
            "tenant": tenant,
            "link": link,
            "is_open": is_open,
            "letters": _letters(request, link, language) if is_open else [],
            "can_mail": is_open and invitations.can_mail(link),
            "languages": LANGUAGES.items(),
            "language": language,
            "back": reverse("admin:integrations_tenant_change", args=[tenant.pk]),
            "opts": self.opts,
        }
        return render(request, "desk/invite.html", context)


def _act(request: HttpRequest, tenant: Tenant, link: IntakeLink | None) -> None:
    asked = request.POST.get("act", "")
    if asked == "make":
        _make(request, tenant)
    elif link is None or not link.is_open:
        messages.warning(request, _t("The link has ended meanwhile."))
    elif asked == "withdraw":
        intake_links.close(link, intake_links.CloseReason.WITHDRAWN, by=request.user)
        messages.success(request, _t("Withdrawn: the link leads nowhere any more."))
    elif asked in ("invite", "remind"):
        _send(request, link, asked)


def _make(request: HttpRequest, tenant: Tenant) -> None:
    try:
        intake_links.make(tenant, by=request.user)
    except intake_links.KeyRefused as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _t("The link is made. Now send it to the customer."))


def _send(request: HttpRequest, link: IntakeLink, code: str) -> None:
    """Mail the letter, or note that a person has sent it."""
    ended: Delivery | None = Delivery.SENT
    if code == "remind":
        if "mail" in request.POST:
            ended = invitations.mail_reminder(link, by=request.user)
        elif not invitations.note_reminder(link, by=request.user):
            ended = None
    elif "mail" in request.POST:
        ended = invitations.mail(link, code)
    if ended is None:
        messages.warning(request, _t("The customer has been reminded already."))
    elif ended in (Delivery.REFUSED, Delivery.UNREACHABLE):
        text = _t("The mail server did not take the letter: send it yourself, or try again.")
        messages.error(request, text)
    elif ended is Delivery.UNCLEAR:
        text = _t("It is not known whether the mail server sent the letter: ask the customer.")
        messages.warning(request, text)
    else:
        if code == "invite":
            invitations.note_invitation(link, by=request.user)
        messages.success(request, _t("Noted: the customer has been written to."))


def _letters(request: HttpRequest, link: IntakeLink, language: str) -> list[Any]:
    address = request.build_absolute_uri(invitations.path_of(link))
    codes = ["invite"] if link.state == IntakeLink.State.INVITED else []
    if timezone.now() - link.created_at > dt.timedelta(days=1):
        codes.insert(0, "remind")
    return [invitations.letter(link, code, address, language) for code in codes]


def _page_of(tenant: Tenant) -> str:
    return reverse("admin:integrations_tenant_invite", args=[tenant.pk])
