"""Which rows are evidence, and which of their columns: the list that sealing and verifying share.

Every column of a table here is covered unless `without` says why not, and every table of ours is
here or in `NOT_EVIDENCE` with the reason: a test compares both with the models. A number is never
used again, because links keep it. Conditions and moments are SQL on the row `r` and on `p`, the
row it belongs to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from django.apps import apps
from django.db import models


@dataclass(frozen=True, eq=False)
class Kind:
    """`moment` says into which year a row belongs, `tenant` into whose chain ("NULL": the
    office's). A row is sealed once `ready` is true, and never changes after that. `parent` is
    the table of `p` with our column that names it. `follows` are audit actions: the rows of
    such a kind are sealed with the event that names them, because they become final in any
    order. `at_once` is how many are read at a time, few where one may be large."""

    number: int
    model: str
    moment: str
    tenant: str
    parent: tuple[str, str] | None = None
    ready: str = ""
    follows: tuple[str, ...] = ()
    without: dict[str, str] = field(default_factory=dict)
    at_once: int = 1000

    @cached_property
    def model_class(self) -> type[models.Model]:
        return apps.get_model(self.model)

    @cached_property
    def table(self) -> str:
        return self.model_class._meta.db_table

    @cached_property
    def fields(self) -> list[Any]:
        """The covered columns' fields, the primary key first."""
        found = [f for f in self.model_class._meta.concrete_fields if f.name not in self.without]
        return sorted(found, key=lambda f: not f.primary_key)

    @property
    def source(self) -> str:
        """What stands after FROM."""
        if self.parent is None:
            return f"{self.table} r"
        table, column = self.parent
        return f"{self.table} r JOIN {table} p ON p.id = r.{column}"


_EXPORT = ("invoices_invoiceexport", "export_id")
_WORK = "the engine's own bookkeeping; every move of the status is an event"
_EVENT = "changes after the export is final only with an event of its own"
_FINISHED = "r.finished_at IS NOT NULL"

KINDS: tuple[Kind, ...] = (
    Kind(1, "invoices.AuditEvent", "r.at", "r.tenant_id"),
    Kind(
        2,
        "invoices.SubmissionAttempt",
        "r.finished_at",
        "p.tenant_id",
        _EXPORT,
        ready=_FINISHED,
    ),
    Kind(3, "invoices.LookUp", "r.answered_at", "p.tenant_id", _EXPORT),
    Kind(4, "invoices.Correction", "r.at", "p.tenant_id", _EXPORT),
    Kind(5, "invoices.Invoice", "r.created_at", "r.tenant_id"),
    Kind(
        6,
        "invoices.InvoiceExport",
        "r.changed_at",
        "r.tenant_id",
        ready="r.status IN ('reconciled', 'skipped')",
        follows=("export.reconciled", "export.skipped"),
        without={
            "attention_reason": _WORK,
            "parked_reason": _WORK,
            "problems": _WORK,
            "warnings": "made from the invoice, which is covered",
            "not_before": _WORK,
            "retries": _WORK,
            "lookups": _WORK,
            "look_first": _WORK,
            "claim": _WORK,
            "lease_until": _WORK,
            "remote_status": _EVENT,
            "changed_at": _WORK,
        },
    ),
    Kind(7, "invoices.ReceivedFile", "r.received_at", "r.tenant_id", at_once=4),
    Kind(
        8,
        "invoices.ReceivedItem",
        "p.received_at",
        "p.tenant_id",
        ("invoices_receivedfile", "file_id"),
    ),
    Kind(
        9,
        "invoices.InvoiceAttachment",
        "r.added_at",
        "p.tenant_id",
        ("invoices_invoice", "invoice_id"),
        at_once=4,
    ),
    Kind(
        10,
        "invoices.StepAttempt",
        "r.finished_at",
        "p.tenant_id",
        ("invoices_exportstep", "step_id"),
        ready=_FINISHED,
    ),
    Kind(11, "invoices.WordingVersion", "r.at", "NULL"),
    Kind(12, "invoices.Comment", "r.at", "p.tenant_id", _EXPORT),
    Kind(
        13,
        "invoices.EnteredByHand",
        "r.finished_at",
        "p.tenant_id",
        _EXPORT,
        ready=_FINISHED,
    ),
    Kind(
        14,
        "invoices.PeriodMove",
        "r.decided_at",
        "r.tenant_id",
        ready="r.decided_at IS NOT NULL",
    ),
    Kind(15, "invoices.Restore", "r.at", "NULL"),
    Kind(16, "integrations.MappingVersion", "r.created_at", "r.tenant_id"),
    Kind(17, "invoices.DaySeal", "r.sealed_at", "r.tenant_id"),
    Kind(18, "invoices.DeletionCertificate", "r.made_at", "r.tenant_id"),
    Kind(
        19,
        "invoices.ReceivedPiece",
        "p.received_at",
        "p.tenant_id",
        ("invoices_receivedfile", "file_id"),
        at_once=16,
    ),
)
BY_NUMBER = {kind.number: kind for kind in KINDS}

_CHANGES = "a state that changes; each change is an audit event"
_PASSING = "passing work, no record"
_SEALED = "holds a sealed secret; filing, replacing and destroying it are audit events"
_DERIVED = "derived from exports and events, made anew at any time"
_ITSELF = "is the sealing itself"
NOT_EVIDENCE: dict[str, str] = {
    "integrations.Tenant": _CHANGES,
    "integrations.BankAccount": _CHANGES,
    "integrations.Credential": _SEALED,
    "integrations.ReceivedMail": _PASSING,
    "integrations.ReceivedKey": _SEALED,
    "integrations.ConnectionCheck": "what Procountor said that day; its outcome is an audit event",
    "integrations.Rehearsal": "a preview; that it was made and its score are an audit event",
    "integrations.ActivationRequest": _CHANGES,
    "integrations.ActivationCompany": _CHANGES,
    "integrations.IntakeLink": _CHANGES,
    "integrations.SpeedLimit": _PASSING,
    "integrations.Circuit": _CHANGES,
    "integrations.RequestTally": _PASSING,
    "invoices.PreparedPayload": _PASSING,
    "invoices.Lane": _PASSING,
    "invoices.ExportStep": _CHANGES,
    "invoices.Case": _CHANGES,
    "invoices.HeldChange": "the received file is evidence; its coming and the decision are events",
    "invoices.BulkPlan": _CHANGES,
    "invoices.BulkPlanItem": _CHANGES,
    "invoices.ExportCause": _DERIVED,
    "invoices.Fix": _DERIVED,
    "invoices.Recheck": _PASSING,
    "invoices.UnknownCode": _DERIVED,
    "invoices.Alert": _PASSING,
    "invoices.Digest": _PASSING,
    "invoices.Heartbeat": _PASSING,
    "integrations.KeyUse": "counts of uses; the uses themselves are attempts and events",
    "invoices.PlanChoice": _PASSING,
    "invoices.SearchKey": _DERIVED,
    "invoices.LedgerRead": _PASSING,
    "invoices.ReadInvoice": _PASSING,
    "invoices.LedgerDay": _DERIVED,
    "invoices.LedgerDifference": _CHANGES,
    "invoices.ChangesSeen": _PASSING,
    "invoices.Rollup": _DERIVED,
    "invoices.RollupCursor": _PASSING,
    "invoices.ExportFact": _DERIVED,
    "invoices.SavedView": "how a person looks at lists",
    "invoices.HistoryFile": "derived from the history; asking for one and fetching it are acts",
    "invoices.HistoryFilePart": _DERIVED,
    "invoices.Upload": _PASSING,
    "invoices.StagedFile": _PASSING,
    "invoices.StagedPiece": "becomes a received file, or is discarded",
    "invoices.StagedInvoice": _PASSING,
    "invoices.StagedProblem": _PASSING,
    "invoices.ColumnLayout": _CHANGES,
    "invoices.ApiToken": "making and revoking one is an audit event",
    "invoices.ApiAllowance": _PASSING,
    "invoices.ApiAnswer": _PASSING,
    "invoices.WebhookEndpoint": _CHANGES,
    "invoices.WebhookDelivery": _DERIVED,
    "invoices.WebhookTry": _PASSING,
    "invoices.EvidenceChain": _ITSELF,
    "invoices.EvidenceLink": _ITSELF,
    "invoices.SealCursor": _ITSELF,
    "invoices.EvidenceCheck": _ITSELF,
    "invoices.LegalHold": _CHANGES,
    "invoices.Expiry": _CHANGES,
    "invoices.ExpiringInvoice": _PASSING,
    "invoices.ExpiredHashes": "what is left of a chain; the certificate has its SHA-256",
    "invoices.ExpiredNumber": "the certificate has the SHA-256 of all of them",
    "invoices.UnfinishedCheck": _ITSELF,
    "invoices.FilingRun": "how far a file is taken in; its items and its end are evidence",
    "invoices.ShopConnection": _CHANGES,
    "invoices.ShopDelivery": _PASSING,
    "invoices.ShopOrder": _DERIVED,
    "invoices.ShopRun": _PASSING,
}
