"""A rehearsal in words: its findings for staff, and the list for the customer."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from integrations.admin.checks import check_context
from integrations.advice import LANGUAGES
from integrations.enums import Mover
from integrations.models import Tenant
from integrations.rehearsal_models import Rehearsal
from invoices import problems
from invoices.admin import privacy
from invoices.document import Problem

_SHOWN = 10
#: After this a task that nobody took up may be waiting for a stopped cluster.
_PATIENCE_SECONDS = 30
_COLOURS = {"customer": "warning", "us": "info"}


def state_of(rehearsal: Rehearsal | None) -> str:
    """none, waiting, late, running, lost, check_failed, empty or done."""
    if rehearsal is None:
        return "none"
    if rehearsal.check_failed:
        return "check_failed"
    if rehearsal.finished_at is not None:
        return "done" if rehearsal.total else "empty"
    if not rehearsal.is_under_way:
        return "lost"
    if rehearsal.started_at is not None:
        return "running"
    waited = timezone.now() - rehearsal.requested_at
    return "late" if waited.total_seconds() > _PATIENCE_SECONDS else "waiting"


def result_context(rehearsal: Rehearsal) -> dict[str, Any]:
    """The findings folded by cause, and the check when it ended the rehearsal."""
    shown = check_context(rehearsal.connection_check) if rehearsal.check_failed else None
    return {"findings": [_finding(each) for each in rehearsal.findings], "check": shown}


def _finding(finding: dict[str, Any]) -> dict[str, Any]:
    words = problems.words_for(privacy.problem(Problem.from_json(finding)))
    return {
        "count": finding["count"],
        "cause": words.cause,
        "remedy": words.remedy,
        "code": finding["code"],
        "field": finding["field"],
        "mover": Mover(finding["mover"]).label,
        "colour": _COLOURS.get(finding["mover"], ""),
        **named(finding),
    }


def named(group: dict[str, Any]) -> dict[str, Any]:
    """Invoices with links to their exports, and how many are not named."""
    examples = group.get("examples", [])[:_SHOWN]
    return {
        "invoices": [
            {
                "number": each["number"],
                "url": reverse("admin:invoices_invoiceexport_change", args=[each["export"]]),
            }
            for each in examples
        ],
        "more": group.get("count", 0) - len(examples),
    }


def payload_fields(rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """The fields of `Rehearsal.payload_changes`, their examples with links."""
    return [
        change
        | {
            "examples": [
                each
                | {"url": reverse("admin:invoices_invoiceexport_change", args=[each["export"]])}
                for each in change["examples"]
            ]
        }
        for change in rehearsal.payload_changes.get("fields", [])
    ]


def letters(tenant: Tenant, rehearsal: Rehearsal) -> list[dict[str, Any]]:
    """The list of what the customer has to put right, in each language, the tenant's own first;
    empty when nothing is the customer's move."""
    theirs = [each for each in rehearsal.findings if each["mover"] == Mover.CUSTOMER]
    if not theirs:
        return []
    languages = sorted(LANGUAGES, key=lambda code: code != tenant.language)
    return [
        {
            "code": code,
            "name": LANGUAGES[code],
            "text": _letter(tenant, rehearsal, theirs, code),
            "own": code == tenant.language,
        }
        for code in languages
    ]


def _letter(
    tenant: Tenant, rehearsal: Rehearsal, findings: list[dict[str, Any]], language: str
) -> str:
    with translation.override(language):
        hello = _t("Hello {contact},") if tenant.contact_name else _t("Hello,")
        begin = ngettext(
            "We rehearsed exporting the invoices of %(company)s into Procountor: %(passed)d of "
            "%(total)d invoice would pass. Please put this right:",
            "We rehearsed exporting the invoices of %(company)s into Procountor: %(passed)d of "
            "%(total)d invoices would pass. Please put this right:",
            rehearsal.total,
        ) % {
            "company": tenant.name,
            "passed": rehearsal.passed,
            "total": rehearsal.total,
        }
        lines = [
            f"- {problems.customer_sentence(each, language)} {_which(each)}" for each in findings
        ]
        parts = [
            hello.replace("{contact}", tenant.contact_name),
            begin,
            "\n".join(lines),
            _t("Kind regards\nFlashnode"),
        ]
        return "\n\n".join(parts)


def _which(finding: dict[str, Any]) -> str:
    """The invoices' numbers; all that are known, because the customer has no other list."""
    numbers = [each["number"] for each in finding["examples"]]
    listed = ", ".join(numbers)
    more = finding["count"] - len(numbers)
    if more:
        listed = _t("%(numbers)s and %(count)d more") % {"numbers": listed, "count": more}
    return ngettext("(Invoice: %(numbers)s)", "(Invoices: %(numbers)s)", finding["count"]) % {
        "numbers": listed
    }
