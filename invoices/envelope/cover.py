"""The page that an envelope opens with: what it is, in Finnish and in English."""

from __future__ import annotations

from typing import Any

from django.utils import timezone, translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from invoices.envelope.scope import Scope
from invoices.paper import heading, line, sheet

LANGUAGES = ("fi", "en")


def cover(scope: Scope, facts: dict[str, Any]) -> bytes:
    """A PDF of `facts`: made_at (aware), made_by, reason, software_version, public_key_sha256,
    invoices, sums {currency: total}, files (how many), unsealed."""
    pdf = sheet(f"Auditor's envelope – {scope.tenant.name}", LANGUAGES[0])
    line(pdf, scope.tenant.name, 18, bold=True)
    line(pdf, scope.tenant.business_id, 11, grey=True)
    for language in LANGUAGES:
        with translation.override(language):
            heading(pdf, _("Auditor's envelope"))
            for label, value in _facts(scope, facts):
                line(pdf, f"{label}: {value}", 10)
            pdf.ln(2)
            line(pdf, _introduction(), 9, grey=True)
    return bytes(pdf.output())


def _introduction() -> str:
    return _(
        "README.txt says what each file is and how to check all of it with verify_envelope.py. "
        "Compare the fingerprint of the public key with the one that you got on another way."
    )


def _facts(scope: Scope, facts: dict[str, Any]) -> list[tuple[str, str]]:
    days = f"{_day(scope.start)} – {_day(scope.end)}"
    made_at = date_format(timezone.localtime(facts["made_at"]), "DATETIME_FORMAT")
    sums = [
        f"{number_format(total, decimal_pos=2, force_grouping=True)} {currency}"
        for currency, total in facts["sums"].items()
    ]
    return [
        (_("Invoices dated"), f"{scope.number}, {_day(scope.start)}" if scope.number else days),
        (_("Invoices"), number_format(facts["invoices"], force_grouping=True)),
        (_("Total with VAT"), " · ".join(sums) or "–"),
        (_("Made"), f"{made_at} ({timezone.localtime(facts['made_at']).tzname()})"),
        (_("By"), facts["made_by"] or "–"),
        (_("Reason"), facts["reason"]),
        (_("Rows that were not final yet"), number_format(facts["unsealed"])),
        (_("Software version"), facts["software_version"]),
        (_("Fingerprint of the public key (SHA-256)"), facts["public_key_sha256"]),
    ]


def _day(day: Any) -> str:
    return date_format(day, "SHORT_DATE_FORMAT")
