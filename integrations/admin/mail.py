"""The page that reads a customer's mail: paste it, see whose key it holds, file the key."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
)

from integrations import accounts, advice, keydesk, mail, received
from integrations.admin.checks import waiting_page_of
from integrations.enums import CredentialState, ReceivedBy
from integrations.keydesk import KeyRefused
from integrations.models import ReceivedKey, ReceivedMail
from integrations.tasks import check_soon, identify_soon

#: After this the page does not look again by itself.
_PATIENCE_SECONDS = 30
_UNREADABLE = {
    "too_large": _("The file is larger than 5 MB: paste the mail's text instead."),
    "outlook_format": _("This is Outlook's own format. Save the mail as .eml, or paste its text."),
}


class MailForm(forms.Form):
    """A mail as it came. It is never rendered back, not even after an error."""

    text = forms.CharField(
        label=_("The mail"),
        help_text=_(
            "Paste all of it: quotes, line breaks and signatures do no harm. The text is not "
            "stored, only the key, encrypted, and what is shown on the next page."
        ),
        required=False,
        strip=False,
        max_length=500_000,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 12, "autocomplete": "off", "spellcheck": "false", "autofocus": True}
        ),
    )
    file = forms.FileField(
        label=_("or a file"),
        help_text=_("The mail saved as .eml"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".eml,.txt,message/rfc822"}),
    )
    received_via = forms.ChoiceField(
        label=_("Received via"),
        choices=ReceivedBy.by_hand(),
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if self.errors:
            return cleaned
        upload = cleaned.get("file")
        if not upload and not cleaned.get("text", "").strip():
            raise ValidationError(_t("Paste the mail, or choose a file."))
        try:
            source = mail.read(upload.read()) if upload else mail.read_text(cleaned["text"])
        except mail.MailUnreadable as error:
            raise ValidationError({"file": str(_UNREADABLE[error.code])}) from None
        found = mail.find(source)
        if not found.api_keys:
            raise ValidationError(_no_key(found, source))
        return cleaned | {"found": found, "unread": source.unread}

    def forget(self) -> None:
        """Forget what was pasted before the form is shown again."""
        self.data = {"received_via": self.data.get("received_via", "")}


def _no_key(found: mail.Found, source: mail.Mail) -> str:
    if found.broken_keys:
        return _t(
            "An API key begins in this mail and is not whole: a part of it is missing or was "
            "changed. Ask the customer to copy it again and send all of it."
        )
    if source.unread:
        return _t(
            "No API key was found. The mail has attachments that cannot be read here (%(names)s): "
            "ask the customer to send the key as text."
        ) % {"names": ", ".join(source.unread)[:200]}
    return _t("No API key was found. It is a long line that begins with “eyJ”.")


class MailDesk:
    """Mixed into the tenants' admin, which owns the pages' addresses and permissions."""

    def get_urls(self) -> list[Any]:
        page = path(
            "read-mail/<uuid:mail_pk>/",
            self.admin_site.admin_view(self.received_mail),
            name="integrations_tenant_received_mail",
        )
        return [page, *super().get_urls()]

    @action(
        description=_("Read a customer's mail"),
        url_path="read-mail",
        permissions=["file"],
        icon="mail",
    )
    @method_decorator(sensitive_post_parameters("text"))
    def read_mail(self, request: HttpRequest) -> HttpResponse:
        form = MailForm(
            request.POST or None, request.FILES or None, initial={"received_via": ReceivedBy.EMAIL}
        )
        if request.method == "POST" and form.is_valid():
            found = form.cleaned_data["found"]
            kept = received.take_in(
                found,
                via=form.cleaned_data["received_via"],
                by=request.user,
                unread=form.cleaned_data["unread"],
            )
            identify_soon(kept)
            return HttpResponseRedirect(_page_of(kept))
        if form.is_bound:
            form.forget()
        context = self._context(request) | {
            "title": _t("Read a customer's mail"),
            "form": form,
            "back": reverse("admin:integrations_tenant_changelist"),
            "button": _t("Find the key"),
        }
        return render(request, "desk/form.html", context)

    def received_mail(self, request: HttpRequest, mail_pk: UUID) -> HttpResponse:
        """What was found in a mail, whose keys they are, and the button that files one."""
        if not request.user.has_perm("integrations.file_credential"):
            raise PermissionDenied
        kept = ReceivedMail.objects.filter(pk=mail_pk).first()
        if kept is None:
            text = _t("The key of that mail has been filed or forgotten.")
            messages.warning(request, text)
            return HttpResponseRedirect(reverse("admin:integrations_tenant_changelist"))
        if request.method == "POST":
            done = self._act(request, kept)
            if done is not None:
                return done
        keys = [_shown(key) for key in kept.keys.select_related("mail")]
        waiting = any(shown["waits"] for shown in keys)
        age_seconds = (timezone.now() - kept.received_at).total_seconds()
        context = self._context(request) | {
            "title": _title(kept),
            "mail": kept,
            "facts": _facts(kept),
            "keys": keys,
            "looks_again": waiting and age_seconds < _PATIENCE_SECONDS,
            "is_late": waiting and age_seconds >= _PATIENCE_SECONDS,
            "back": reverse("admin:integrations_tenant_changelist"),
        }
        return render(request, "desk/mail.html", context)

    def _act(self, request: HttpRequest, kept: ReceivedMail) -> HttpResponse | None:
        if "forget" in request.POST:
            kept.delete()
            messages.info(request, _t("Forgotten: nothing was filed."))
            return HttpResponseRedirect(reverse("admin:integrations_tenant_changelist"))
        if "ask_again" in request.POST:
            kept.keys.update(answered_at=None, finding={}, company={})
            ReceivedMail.objects.filter(pk=kept.pk).update(received_at=timezone.now())
            identify_soon(kept)
            return HttpResponseRedirect(_page_of(kept))
        number = request.POST.get("key", "")
        key = kept.keys.filter(pk=number).first() if number.isdecimal() else None
        if key is None:
            messages.error(request, _t("Choose which key to file."))
            return None
        try:
            credential = received.file(key, request.POST.get("account", ""), by=request.user)
        except KeyRefused as error:
            messages.error(request, str(error))
            return None
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
            return None
        tenant = credential.tenant
        check_soon(tenant, request.user)
        messages.success(request, _filed(credential) % {"key": credential, "tenant": tenant})
        return HttpResponseRedirect(waiting_page_of(tenant))

    def _context(self, request: HttpRequest) -> dict[str, Any]:
        site: AdminSite = self.admin_site
        return site.each_context(request) | {"opts": self.opts}


def _filed(credential: Any) -> str:
    if credential.state == CredentialState.CANDIDATE:
        return _t(
            "The API key %(key)s is filed for %(tenant)s and is being checked; the older key "
            "stays in use until every check has passed. Please delete the mail."
        )
    return _t(
        "The API key %(key)s is filed for %(tenant)s. Its connection is being checked: the "
        "result appears below in a moment. Please delete the mail."
    )


def _title(kept: ReceivedMail) -> str:
    if kept.meant_for:
        return _t("The API key for %(tenant)s") % {"tenant": kept.meant_for}
    return _t("What the mail holds")


def _page_of(kept: ReceivedMail) -> str:
    return reverse("admin:integrations_tenant_received_mail", args=[kept.pk])


def _facts(kept: ReceivedMail) -> list[tuple[str, str]]:
    facts = kept.facts
    sender = " · ".join(filter(None, [facts["sender_name"], facts["sender"]]))
    shown = [(_t("Bank account"), " · ".join(map(accounts.formatted, facts["ibans"][:5])))]
    if kept.meant_for:
        return shown
    shown = [
        (_t("Sender"), sender),
        (_t("Company"), " · ".join(facts["company_names"][:5])),
        (_t("Business ID"), " · ".join(facts["business_ids"][:5])),
        *shown,
    ]
    if facts["broken_keys"]:
        text = ngettext(
            "%(count)d key that is not whole: it is left out.",
            "%(count)d keys that are not whole: they are left out.",
            facts["broken_keys"],
        )
        shown.append((_t("Not whole"), text % {"count": facts["broken_keys"]}))
    if facts["unread"]:
        shown.append((_t("Attachments not read"), ", ".join(facts["unread"])[:200]))
    return shown


def _shown(key: ReceivedKey) -> dict[str, Any]:
    """A key for the template: what it says, whose it is, and what can be done with it."""
    tenant, filed = received.tenant_of(key), received.credential_of(key)
    code = key.finding.get("code", "")
    return {
        "object": key,
        "environment": received.environment_name(key),
        "says": keydesk.in_words(key.claims),
        "waits": key.answered_at is None,
        "cause": advice.cause_of(key.finding) if code else "",
        "customer": advice.sentences(key.finding) if code else [],
        "tenant": tenant,
        "elsewhere": received.tenant_elsewhere(key) if tenant is None else None,
        "filed": filed,
        "differs": _differences(key),
        "accounts": _accounts(key, tenant),
        "can_file": bool(key.company) and filed is None and not received.is_for_another(key),
    }


def _differences(key: ReceivedKey) -> list[str]:
    """Where the mail and Procountor name different companies: a person looks twice."""
    if received.is_for_another(key):
        return [received.misfiled(key)]
    named = key.mail.facts["business_ids"]
    found = key.company.get("business_id", "")
    if not found or not named or found in named:
        return []
    return [
        _t("The mail names business ID %(named)s, and the key opens %(found)s.")
        % {"named": ", ".join(named[:3]), "found": found}
    ]


def _accounts(key: ReceivedKey, tenant: Any) -> list[dict[str, Any]]:
    """The accounts to choose from: the mail's first, then those of Procountor."""
    theirs = key.company.get("accounts", {})
    named = key.mail.facts["ibans"]
    choices = [
        {
            "iban": iban,
            "text": accounts.formatted(iban),
            "from_mail": iban in named,
            "state": theirs.get(iban, ""),
        }
        for iban in dict.fromkeys([*named, *theirs])
        if iban in named or theirs[iban] == "ACTIVE"
    ]
    usable = [choice for choice in choices if choice["from_mail"] and choice["state"] == "ACTIVE"]
    if usable:
        usable[0]["chosen"] = True
    on_file = tenant.invoice_account if tenant else None
    if on_file is not None and usable and usable[0]["iban"] == on_file.iban:
        return choices
    keep = {
        "iban": "",
        "text": _t("Keep %(account)s") % {"account": on_file} if on_file else _t("None for now"),
        "chosen": not usable,
    }
    return [*choices, keep]
