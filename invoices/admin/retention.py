"""Legal holds, and the deletion of financial years that have reached their end: proposed by one
person, approved by another, with its certificate."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from integrations.admin.desk import Question, ReadOnlyAdmin, ReasonLine, ask, needs
from integrations.models import Tenant
from invoices import audit, tasks
from invoices.admin.words import money
from invoices.evidence import signing
from invoices.evidence_models import EvidenceChain
from invoices.expiry import certifying, deciding
from invoices.retention import holds
from invoices.retention_models import Expiry, ExpiryStage, ExpiryState, LegalHold

VIEW, PROPOSE, APPROVE = (f"invoices.{verb}_expiry" for verb in ("view", "propose", "approve"))
VIEW_HOLDS, HOLD = "invoices.view_legalhold", "invoices.place_legalhold"
_COLOURS = {"proposed": "warning", "running": "info", "done": "success"}
_ENDED, _DECIDE = "admin:invoices_expiry_ended", "admin:invoices_expiry_decide"

#: What `NotPossible.why` and `Expiry.waits_for` say, in words.
_WHY = {
    "own": _("You proposed this: another person has to approve it."),
    "decided": _("Nothing changed: somebody has decided already."),
    "proposed": _("Nothing changed: it is proposed already."),
    "running": _("Another year of this tenant is being deleted: approve when that is done."),
    "hold": _("A legal hold keeps this year: lift the hold first."),
    "not_over": _("This year has not reached its end: the tenant's years or days say otherwise."),
    "no_key": _("No signing key is set, so no certificate can be made: set EVIDENCE_SIGNING_KEY."),
    "damaged": _(
        "The chain does not verify, and nothing of a damaged chain is deleted: see its page."
    ),
}


class HoldForm(forms.Form):
    tenant = forms.ModelChoiceField(
        label=_("Tenant"),
        queryset=Tenant.objects.order_by("name"),
        widget=UnfoldAdminSelectWidget,
    )
    chain = forms.ModelChoiceField(
        label=_("Financial year"),
        queryset=EvidenceChain.objects.exclude(tenant=None).select_related("tenant"),
        required=False,
        empty_label=_("All of them, the coming ones too"),
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("Who asks for it and why, for example a court case or a tax audit."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chain, tenant = cleaned.get("chain"), cleaned.get("tenant")
        if chain and tenant and chain.tenant_id != tenant.pk:
            self.add_error("chain", _t("This is another tenant's year: choose one of the tenant."))
        return cleaned


@admin.register(LegalHold)
class LegalHoldAdmin(ReadOnlyAdmin):
    list_display = ["placed_at", "tenant", "year", "reason", "placed_by", "is_open", "lifted_by"]
    list_filter = [
        ("tenant", admin.RelatedOnlyFieldListFilter),
        ("lifted_at", admin.EmptyFieldListFilter),
    ]
    list_select_related = ["tenant", "chain", "placed_by", "lifted_by"]
    fields = [
        ("tenant", "year"),
        ("placed_at", "placed_by"),
        "reason",
        ("lifted_at", "lifted_by"),
        "lift_reason",
    ]
    actions_list = ["place_hold"]
    actions_detail = ["lift_hold"]

    @display(description=_("financial year"))
    def year(self, hold: LegalHold) -> str:
        return _days(hold.chain) if hold.chain else _t("All")

    @display(description=_("state"), label={"open": "danger", "lifted": "success"})
    def is_open(self, hold: LegalHold) -> tuple[str, str]:
        return ("lifted", _t("Lifted")) if hold.lifted_at else ("open", _t("In force"))

    def has_hold_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        return request.user.has_perm(HOLD)

    @action(description=_("Place a hold"), url_path="place", permissions=["hold"], icon="gavel")
    def place_hold(self, request: HttpRequest) -> HttpResponse:
        form = HoldForm(request.POST or None, initial=request.GET.dict())
        back = reverse("admin:invoices_legalhold_changelist")
        if request.method == "POST" and form.is_valid():
            found = form.cleaned_data
            holds.place(found["tenant"], found["chain"], by=request.user, reason=found["reason"])
            messages.success(
                request, _t("Held: nothing of it is deleted until the hold is lifted.")
            )
            return HttpResponseRedirect(back)
        context = self.admin_site.each_context(request) | {
            "title": _t("Place a legal hold"),
            "form": form,
            "back": back,
            "opts": self.opts,
        }
        return render(request, "desk/hold.html", context)

    @action(description=_("Lift"), url_path="lift", permissions=["hold"], icon="lock_open")
    def lift_hold(self, request: HttpRequest, object_id: int) -> HttpResponse:
        hold = get_object_or_404(LegalHold.objects.select_related("tenant", "chain"), pk=object_id)

        def act(reason: str) -> tuple[int, str]:
            try:
                holds.lift(hold, by=request.user, reason=reason)
            except holds.AlreadyLifted:
                return messages.WARNING, _t("Nothing changed: the hold was lifted already.")
            return messages.SUCCESS, _t("Lifted. A deletion that waited for it goes on.")

        question = Question(
            title=_t("Lift the legal hold of %(tenant)s?") % {"tenant": hold.tenant},
            button=_t("Lift"),
            act=act,
            facts=[
                f"{self.year(hold)}: {hold.reason}",
                _t("What has reached its end may be deleted after that."),
            ],
            reason="required",
            possible=hold.lifted_at is None,
            danger=True,
        )
        return ask(self, request, question, reverse("admin:invoices_legalhold_changelist"))


@admin.register(Expiry)
class ExpiryAdmin(ReadOnlyAdmin):
    list_display = ["proposed_at", "tenant", "year", "state_badge", "invoices", "finished_at"]
    list_filter = ["state", ("tenant", admin.RelatedOnlyFieldListFilter)]
    list_select_related = ["tenant", "chain"]

    @display(description=_("financial year"))
    def year(self, expiry: Expiry) -> str:
        return _days(expiry.chain)

    @display(description=_("state"), label=_COLOURS)
    def state_badge(self, expiry: Expiry) -> tuple[str, str]:
        return expiry.state, expiry.get_state_display()

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        return [
            path("ended/", wrap(self.ended), name="invoices_expiry_ended"),
            path("ended/<int:pk>/", wrap(self.propose), name="invoices_expiry_propose"),
            path("<int:pk>/decide/", wrap(self.decide), name="invoices_expiry_decide"),
            path(
                "<int:pk>/certificate/", wrap(self.certificate), name="invoices_expiry_certificate"
            ),
            *super().get_urls(),
        ]

    def change_view(self, request: HttpRequest, object_id: str, *a: Any, **kw: Any) -> Any:
        if object_id.isascii() and object_id.isdecimal():
            return HttpResponseRedirect(reverse(_DECIDE, args=[object_id]))
        return super().change_view(request, object_id, *a, **kw)

    def ended(self, request: HttpRequest) -> HttpResponse:
        """Every financial year that has reached its end, and the deletions that go on."""
        needs(request, VIEW)
        going_on = Expiry.objects.filter(state__in=(ExpiryState.PROPOSED, ExpiryState.RUNNING))
        context = self.admin_site.each_context(request) | {
            "title": _t("Ended financial years"),
            "ended": [_row(found) for found in deciding.ended()],
            "expiries": [_facts(each) for each in going_on.select_related("tenant", "chain")],
            "may_propose": request.user.has_perm(PROPOSE),
            "history": reverse("admin:invoices_expiry_changelist"),
            "opts": self.opts,
        }
        return render(request, "desk/ended_years.html", context)

    def propose(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for one year's deletion, with a reason."""
        needs(request, PROPOSE)
        found = next((each for each in deciding.ended() if each.chain.pk == pk), None)
        if found is None:
            raise Http404
        chain = found.chain

        def act(reason: str) -> tuple[int, str]:
            try:
                deciding.propose(chain, by=request.user, reason=reason)
            except deciding.NotPossible as refused:
                return messages.WARNING, str(_WHY[refused.why])
            return (
                messages.SUCCESS,
                _t("Proposed. Nothing is deleted before a second person approves."),
            )

        row = _row(found)
        question = Question(
            title=_t("Propose to delete %(year)s of %(tenant)s?")
            % {"year": _days(chain), "tenant": chain.tenant},
            button=_t("Propose"),
            act=act,
            facts=[
                _t("%(count)d invoices, %(sums)s, %(rows)d rows of evidence")
                % {"count": found.found["invoices"], "sums": row["sums"], "rows": row["rows"]},
                _t("Kept until %(day)s, which is past.")
                % {"day": date_format(found.last_day, "SHORT_DATE_FORMAT")},
                _t("What goes on in a later year is kept until that one ends."),
            ],
            reason="required",
        )
        return ask(self, request, question, reverse(_ENDED))

    def decide(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A deletion with its facts, progress and certificate; by a POST approving or declining."""
        needs(request, VIEW)
        people = Expiry.objects.select_related("tenant", "chain", "proposed_by", "decided_by")
        expiry = get_object_or_404(people, pk=pk)
        own = expiry.proposed_by_id == request.user.pk
        form = ReasonLine(request.POST if "decline" in request.POST else None)
        if "approve" in request.POST:
            needs(request, APPROVE)
            return _approve(request, expiry)
        if "decline" in request.POST:
            needs(request, PROPOSE if own else APPROVE)
            if form.is_valid():
                return _decline(request, expiry, form.cleaned_data["reason"])
        is_open = expiry.state == ExpiryState.PROPOSED
        may_approve = request.user.has_perm(APPROVE) and not own
        certificate = getattr(expiry, "certificate", None)
        context = self.admin_site.each_context(request) | {
            "title": _t("Deletion of %(year)s: %(tenant)s")
            % {"year": _days(expiry.chain), "tenant": expiry.tenant},
            **_facts(expiry),
            "holds": holds.holding(expiry.chain).select_related("placed_by"),
            "rows": sorted(expiry.found.get("rows", {}).items()),
            "certificate": certificate,
            "content": certificate.content if certificate else "",
            "fingerprint": signing.fingerprint() if signing.public_key() else "",
            "form": form,
            "own": own,
            "is_open": is_open,
            "may_approve": is_open and may_approve,
            "may_decline": is_open and (may_approve or (own and request.user.has_perm(PROPOSE))),
            "back": reverse(_ENDED),
            "opts": self.opts,
        }
        return render(request, "desk/expiry.html", context)

    def certificate(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The certificate with all that a stranger needs to check it, as a ZIP."""
        needs(request, VIEW)
        expiry = get_object_or_404(
            Expiry.objects.select_related("tenant", "chain"), pk=pk, certificate__isnull=False
        )
        content = certifying.packed(expiry.certificate)
        facts = deciding.facts_of(expiry)
        audit.record(
            "expiry.certificate_downloaded", tenant=expiry.tenant, by=request.user, data=facts
        )
        name = f"deletion-{expiry.tenant.slug}-{expiry.chain.ends_on}.zip"
        response = HttpResponse(content, content_type="application/zip")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _approve(request: HttpRequest, expiry: Expiry) -> HttpResponse:
    try:
        deciding.approve(expiry, by=request.user)
    except deciding.NotPossible as refused:
        messages.error(request, _WHY[refused.why])
    else:
        tasks.advance_expiry_soon(expiry.pk)
        messages.success(request, _t("Approved: it is being deleted in the background."))
    return HttpResponseRedirect(reverse(_DECIDE, args=[expiry.pk]))


def _decline(request: HttpRequest, expiry: Expiry, reason: str) -> HttpResponse:
    try:
        deciding.decline(expiry, by=request.user, reason=reason)
    except deciding.NotPossible as refused:
        messages.warning(request, _WHY[refused.why])
    else:
        messages.success(request, _t("The proposal is ended; nothing was deleted."))
    return HttpResponseRedirect(reverse(_ENDED))


def _days(chain: EvidenceChain) -> str:
    days = (chain.starts_on, chain.ends_on)
    return " – ".join(date_format(day, "SHORT_DATE_FORMAT") for day in days)


def _sums(sums: dict[str, str]) -> str:
    return ", ".join(money(forms.DecimalField().to_python(s), c) for c, s in sums.items()) or "–"


def _row(found: deciding.Ended) -> dict[str, Any]:
    return {
        "tenant": found.chain.tenant,
        "year": _days(found.chain),
        "last_day": found.last_day,
        "invoices": found.found["invoices"],
        "sums": _sums(found.found["sums"]),
        "rows": sum(found.found["rows"].values()),
        "holds": found.holds,
        "url": reverse("admin:invoices_expiry_propose", args=[found.chain.pk]),
    }


def _facts(expiry: Expiry) -> dict[str, Any]:
    """What a template shows of one deletion."""
    removed = sum(sum(counts.values()) for counts in expiry.removed.values())
    return {
        "expiry": expiry,
        "tenant": expiry.tenant,
        "year": _days(expiry.chain),
        "badge": {"text": expiry.get_state_display(), "type": _COLOURS.get(expiry.state, "")},
        "stage": ExpiryStage(expiry.stage).label if expiry.state == ExpiryState.RUNNING else "",
        "waits_for": _WHY.get(expiry.waits_for, ""),
        "removed": removed,
        "found_sums": _sums(expiry.found.get("sums", {})),
        "sums": _sums(expiry.sums),
        "url": reverse(_DECIDE, args=[expiry.pk]),
    }
