"""The chains of evidence: whose, of which year, how long, and what verifying them found."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin
from invoices.evidence import nightly, signing
from invoices.evidence_models import EvidenceChain, EvidenceCheck, EvidenceLink
from invoices.retention import years
from invoices.retention_models import Expiry, ExpiryState

_NEVER, _WHOLE, _DAMAGED, _EXPIRED = "never", "whole", "damaged", "expired"


@admin.register(EvidenceChain)
class EvidenceChainAdmin(ReadOnlyAdmin):
    list_display = ["whose", "year", "rows", "head", "verified_at", "result"]
    list_display_links = ["whose"]
    list_filter = [("tenant", admin.RelatedOnlyFieldListFilter), "ends_on"]
    list_select_related = ["tenant", "check_result"]
    list_before_template = "desk/chains.html"
    change_form_outer_before_template = "desk/chain.html"
    fields = [
        ("whose", "year"),
        ("made_at", "rows"),
        ("verified_at", "outcome"),
        ("kept_until", "deletion"),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[EvidenceChain]:
        last = EvidenceLink.objects.filter(chain=OuterRef("pk")).order_by("-position")
        deletions = Expiry.objects.filter(chain=OuterRef("pk")).order_by("-pk")
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_position=Subquery(last.values("position")[:1]),
                last_hash=Subquery(last.values("hash")[:1]),
                expiry_state=Subquery(deletions.values("state")[:1]),
            )
        )

    @display(description=_("tenant"), ordering="tenant__name")
    def whose(self, chain: EvidenceChain) -> str:
        return chain.tenant.name if chain.tenant else _t("The office itself")

    @display(description=_("financial year"), ordering="starts_on")
    def year(self, chain: EvidenceChain) -> str:
        days = (chain.starts_on, chain.ends_on)
        return " – ".join(date_format(day, "SHORT_DATE_FORMAT") for day in days)

    @display(description=_("rows"))
    def rows(self, chain: Any) -> int:
        return int(chain.last_position or 0)

    @display(description=_("head"))
    def head(self, chain: Any) -> str:
        return f"{_hex(chain)[:16]}…" if chain.last_hash else "–"

    @display(description=_("last verified"), ordering="check_result__at")
    def verified_at(self, chain: EvidenceChain) -> str:
        check = _check(chain)
        # A page of one row would show the moment as it is stored.
        shown = timezone.localtime(check.at) if check else None
        return date_format(shown, "SHORT_DATETIME_FORMAT") if shown else "–"

    @display(
        description=_("result"),
        label={_EXPIRED: "warning", _NEVER: "info", _WHOLE: "success", _DAMAGED: "danger"},
    )
    def result(self, chain: Any) -> tuple[str, str]:
        found = _result(_check(chain))
        if found[0] == _WHOLE and chain.expiry_state in (ExpiryState.RUNNING, ExpiryState.DONE):
            return _EXPIRED, str(ExpiryState(chain.expiry_state).label)
        return found

    @display(description=_("kept until"))
    def kept_until(self, chain: EvidenceChain) -> str:
        if chain.tenant is None:
            return _t("Without end: it is the office's own")
        last = years.last_day(chain.ends_on, chain.tenant.retention_years)
        return date_format(last, "SHORT_DATE_FORMAT")

    @display(description=_("deletion"))
    def deletion(self, chain: Any) -> str:
        if not chain.expiry_state or chain.expiry_state == ExpiryState.DECLINED:
            return "–"
        return str(ExpiryState(chain.expiry_state).label)

    @display(description=_("result"))
    def outcome(self, chain: EvidenceChain) -> str:
        return _result(_check(chain))[1]

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        outside = EvidenceCheck.objects.filter(chain=None, problems__gt=0).first()
        extra = {
            "outside": _damage(outside) if outside else None,
            "public_key": signing.public_key(),
        }
        return super().changelist_view(request, (extra_context or {}) | extra)

    def context_of(self, request: HttpRequest, object_id: str) -> dict[str, Any]:
        chain = self.get_queryset(request).filter(pk=object_id).first()
        extra: dict[str, Any] = {}
        if chain is not None:
            extra = {"head": _hex(chain), "chain": chain, "damage": _damage(_check(chain))}
        return super().context_of(request, object_id) | extra


def _hex(chain: Any) -> str:
    return bytes(chain.last_hash).hex() if chain.last_hash else ""


def _check(chain: EvidenceChain) -> EvidenceCheck | None:
    return getattr(chain, "check_result", None)


def _result(check: EvidenceCheck | None) -> tuple[str, str]:
    if check is None:
        return _NEVER, _t("Not verified yet")
    if check.problems:
        return _DAMAGED, _t("Damaged: %(count)d") % {"count": check.problems}
    return _WHOLE, _t("As it was written")


def _damage(check: EvidenceCheck | None) -> dict[str, Any] | None:
    """What verifying found, worded as the command words it: names of tables and numbers."""
    if check is None or not check.problems:
        return None
    return {
        "count": check.problems,
        "at": check.at,
        "lines": [nightly.told(finding) for finding in check.findings],
        "more": check.problems - len(check.findings),
    }
