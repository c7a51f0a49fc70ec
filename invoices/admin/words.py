"""Colours and small texts that several pages show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from django.db import models
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices import problems, staff
from invoices.admin import privacy
from invoices.document import Problem
from invoices.enums import AttentionReason, ExportStatus, ParkedReason
from invoices.models import InvoiceExport

STATUS_COLOURS = {
    "queued": "info",
    "submitting": "info",
    "submitted": "success",
    "reconciled": "success",
    "needs_attention": "danger",
    "parked": "warning",
    "unknown": "warning",
}
OUTCOME_COLOURS = {
    "accepted": "success",
    "not_submitted": "warning",
    "refused": "danger",
    "credential_refused": "danger",
    "unknown": "warning",
    "rejected": "danger",
    "duplicate": "info",
    "held": "warning",
}

#: Audit codes in words; a code that is not here is shown as it is.
ACTIONS = {
    "export.created": _("Export created"),
    "export.queued": _("Queued"),
    "export.submitting": _("Submitting"),
    "export.submitted": _("Submitted to Procountor"),
    "export.reconciled": _("Read back from Procountor and found equal"),
    "export.needs_attention": _("Needs attention"),
    "export.parked": _("Parked"),
    "export.unknown": _("No clear answer"),
    "export.skipped": _("Skipped"),
    "export.looked_up": _("Looked for in Procountor"),
    "invoice.corrected": _("Invoice corrected"),
    "invoice.entered_by_hand": _("Said to have been entered by hand"),
    "invoice.entry_refused": _("The number given was not accepted"),
    "export.differs": _("Differs from Procountor's copy"),
    "export.steps_planned": _("Steps after submitting planned"),
    "step.waiting": _("Step waits"),
    "step.running": _("Step begun"),
    "step.done": _("Step done"),
    "step.unknown": _("Step without a clear answer"),
    "step.needs_attention": _("Step needs attention"),
    "step.skipped": _("Step skipped"),
    "step.late_answer": _("A late answer to a step arrived"),
    "attachment.added": _("PDF added"),
    "case.assigned": _("Given to somebody"),
    "case.snoozed": _("Snoozed"),
    "case.commented": _("Commented on"),
    "attempt.late_answer": _("A late answer arrived"),
    "bulk.planned": _("Bulk re-send planned"),
    "bulk.started": _("Bulk re-send started"),
    "bulk.stopped": _("Bulk re-send stopped"),
    "bulk.resumed": _("Bulk re-send resumed"),
    "bulk.finished": _("Bulk re-send finished"),
    "cause.rechecked": _("All of a cause checked again without sending"),
    "period_move.proposed": _("Move out of a closed period proposed"),
    "period_move.approved": _("Move out of a closed period approved"),
    "period_move.declined": _("Move out of a closed period declined"),
    "period_move.overtaken": _("Move out of a closed period overtaken by a change"),
    "ledger.asked": _("Days asked to be read in Procountor"),
    "ledger.sealed": _("Day equal and sealed"),
    "ledger.seal_broken": _("Seal of a day broken: Procountor has changed"),
    "difference.assigned": _("Difference given to somebody"),
    "difference.explained": _("Difference settled with a reason"),
    "file.received": _("File received"),
    "change.held": _("Received again with other content"),
    "change.kept": _("Left as it was in spite of other content"),
    "change.corrected": _("Other content taken over as a correction"),
    "file.rejected_downloaded": _("Rejected invoices downloaded"),
    "upload.staged": _("Files uploaded to be looked at"),
    "upload.confirmed": _("Upload confirmed"),
    "upload.discarded": _("Upload discarded"),
    "upload.cancelled": _("Upload cancelled"),
    "columns.saved": _("Columns of a table learnt"),
    "columns.deleted": _("Learnt columns forgotten"),
    "file.taken_in": _("File taken in"),
    "file.cancelled": _("Taking in of a file cancelled"),
    "file.refused": _("Taking in of a file stopped: the tenant was closed"),
    "credential.filed": _("API key filed"),
    "credential.replaced": _("API key in use, the older one replaced"),
    "customer.told": _("Customer written to"),
    "credential.destroyed": _("Secret of an API key destroyed"),
    "activation.entered": _("Number of an activation request entered"),
    "activation.known": _("Activation request read from Procountor"),
    "activation.decided": _("Activation request decided"),
    "activation.answered": _("Decision taken by Procountor"),
    "activation.answer_lost": _("No clear answer to a decision"),
    "activation.not_taken": _("Decision not taken by Procountor"),
    "activation.asked_again": _("Decision told to Procountor again"),
    "activation.set_aside": _("Activation request set aside"),
    "integration.approved": _("Integration active in Procountor"),
    "integration.removed": _("Integration removed in Procountor"),
    "connection.passed": _("Connection check passed"),
    "connection.failed": _("Connection check failed"),
    "outage.began": _("Procountor does not answer"),
    "outage.went_on": _("Procountor still does not answer"),
    "outage.ramping": _("Procountor answers again"),
    "outage.ended": _("The outage is over"),
    "database.restored": _("A backup was put back"),
    "tenant.added": _("Tenant added"),
    "tenant.changed": _("Tenant's settings changed"),
    "tenant.activated": _("Tenant activated"),
    "tenant.mapping_changed": _("Mapping table changed"),
    "tenant.rehearsed": _("Export rehearsed"),
    "tenant.went_live": _("Tenant went live"),
    "tenant.paused": _("Tenant paused"),
    "tenant.resumed": _("Tenant resumed"),
    "tenant.closed": _("Connection ended"),
    "tenant.reopened": _("Connection reopened"),
    "tenant.secrets_destroyed": _("Secrets destroyed before their day"),
    "shop.connected": _("Web shop connected"),
    "shop.changed": _("Web shop's settings changed"),
    "shop.keys_replaced": _("Web shop's key replaced"),
    "shop.webhook_secret_replaced": _("Web shop's webhook secret replaced"),
    "shop.webhook_secret_ended": _("Web shop's older webhook secret ended"),
    "shop.paused": _("Web shop paused"),
    "shop.resumed": _("Web shop resumed"),
    "shop.ended": _("Connection of a web shop ended"),
    "shop.run_asked": _("Web shop asked"),
    "shop.run_taken_in": _("Back-fill of a web shop taken in"),
    "shop.run_cancelled": _("Back-fill of a web shop cancelled"),
    "wording.saved": _("Words of a code written"),
    "wording.reset": _("Words of a code back to the shipped ones"),
    "payload.viewed": _("Request and answer opened"),
    "file.downloaded": _("Received file downloaded"),
    "attachment.downloaded": _("PDF downloaded"),
    "evidence.broken": _("Damage of the evidence found"),
    "evidence.sealed_late": _("Evidence sealed late"),
    "envelope.requested": _("Auditor's envelope asked for"),
    "envelope.made": _("Auditor's envelope made"),
    "history.requested": _("File of the export history asked for"),
    "history.exported": _("Export history written to a file"),
    "history.downloaded": _("File of the export history opened"),
    "history.cancelled": _("File of the export history cancelled"),
    "history.deleted": _("File of the export history deleted"),
    "api_token.made": _("API token made"),
    "api_token.revoked": _("API token revoked"),
    "webhook.added": _("Webhook added"),
    "webhook.secret_changed": _("Secret of a webhook changed"),
    "webhook.paused": _("Webhook paused"),
    "webhook.resumed": _("Webhook resumed"),
    "webhook.removed": _("Webhook removed"),
    "webhook.replayed": _("Event told to a webhook again"),
    "webhook.failing": _("Webhook paused after days of failures"),
    "hold.placed": _("Legal hold placed"),
    "hold.lifted": _("Legal hold lifted"),
    "expiry.proposed": _("Deletion of a financial year proposed"),
    "expiry.approved": _("Deletion of a financial year approved"),
    "expiry.declined": _("Deletion of a financial year declined"),
    "expiry.done": _("Financial year deleted"),
    "expiry.certificate_downloaded": _("Deletion certificate opened"),
    "scorecard.made": _("Scorecard of a tenant made"),
    "user.logged_in": _("Logged in"),
    "user.logged_out": _("Logged out"),
    "user.added": _("User added"),
    "user.changed": _("User changed"),
    "user.erased": _("User erased"),
    "user.removed": _("User removed"),
    "user.groups_changed": _("User's groups changed"),
    "user.permissions_changed": _("User's rights changed"),
    "group.added": _("Group added"),
    "group.changed": _("Group renamed"),
    "group.removed": _("Group removed"),
    "group.permissions_changed": _("Group's rights changed"),
    "user.login_failed": _("Log-in failed"),
}


def money(amount: Decimal | None, currency: str = "") -> str:
    """The amount in the reader's own notation: 1 234,50 EUR in Finnish."""
    if amount is None:
        return "–"
    shown = number_format(amount, decimal_pos=2, use_l10n=True, force_grouping=True)
    return f"{shown} {currency}".rstrip()


def explained(stored: Iterable[dict[str, str]]) -> list[dict[str, Any]]:
    """Stored problems with their words, for a template."""
    found = []
    for item in stored:
        problem = privacy.problem(Problem.from_json(item))
        words = problems.words_for(problem)
        found.append({**item, "value": problem.value, "cause": words.cause, "remedy": words.remedy})
    return found


def seconds_between(begin: dt.datetime, end: dt.datetime) -> str:
    """A duration for a table, with the decimal sign of the active language."""
    return number_format(Decimal(f"{(end - begin).total_seconds():.2f}"), decimal_pos=2)


#: Facts whose values are words of ours, and names of the others; the rest are shown as they are.
_CHOICES: dict[str, type[models.TextChoices]] = {
    "attention_reason": AttentionReason,
    "parked_reason": ParkedReason,
}
_NAMES: dict[str, Promise] = {
    "codes": _("codes"),
    "reason": _("reason"),
    "remote_id": _("id in Procountor"),
    "remote_number": _("number in Procountor"),
}


#: What the event's own name says, or a number that leads nowhere.
_UNTOLD = ("from", "comment")


def described(data: dict[str, Any]) -> str:
    """An audit event's facts on one line."""
    return " · ".join(
        _fact(key, value)
        for key, value in data.items()
        if key not in _UNTOLD and value not in ("", [], None)
    )


def _fact(key: str, value: Any) -> str:
    choices = _CHOICES.get(key)
    if choices is not None and value in choices.values:
        return str(choices(value).label)
    return f"{_NAMES.get(key, key)}: {_plain(value)}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    text = str(value)
    return staff.names().get(text, text) if text.startswith("person:") else text


def status_words(export: InvoiceExport) -> str:
    """The status with its reason."""
    reason = reason_words(export)
    return f"{ExportStatus(export.status).label}{' · ' if reason else ''}{reason}"


def reason_words(export: InvoiceExport) -> str:
    """Why it waits, or "" when it does not."""
    if export.attention_reason:
        return str(AttentionReason(export.attention_reason).label)
    return str(ParkedReason(export.parked_reason).label) if export.parked_reason else ""
