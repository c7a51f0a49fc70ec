"""What the sending threads do: requests only, no database work.

Each job keeps what came of it in `answer`; `settling` reads it in the coordinator.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from integrations import outages
from integrations.procountor import CreatedInvoice, NotSubmitted, ProcountorError
from integrations.secrets import SecretUnreadable
from invoices import reconciliation
from invoices.engine.lane import HeldLane
from invoices.exports.steps import StepCall
from invoices.models import InvoiceExport, SubmissionAttempt


@dataclass(eq=False, kw_only=True)
class Job:
    lane: HeldLane
    turn: float = 0.0
    answer: Any = None

    @property
    def environment(self) -> str:
        return self.lane.environment

    @property
    def exports(self) -> list[InvoiceExport]:
        """The exports this job is about."""
        return []

    @property
    def error(self) -> ProcountorError | None:
        return self.answer if isinstance(self.answer, ProcountorError) else None

    def run(self) -> None:
        """Make the requests and keep the answer, or the error instead of it."""
        try:
            self.answer = self.ask()
        except (ProcountorError, SecretUnreadable) as error:
            self.answer = error

    def ask(self) -> Any:
        raise NotImplementedError


@dataclass(eq=False, kw_only=True)
class ForExport(Job):
    export: InvoiceExport

    @property
    def exports(self) -> list[InvoiceExport]:
        return [self.export]


@dataclass(eq=False, kw_only=True)
class Prepare(ForExport):
    """Buy an access token, and look for an invoice that was tried before."""

    body: bytes
    look: bool

    def ask(self) -> reconciliation.Reply | None:
        self.lane.client.authenticate()
        if not self.look:
            return None
        return reconciliation.ask(self.export.invoice.number, self.lane.client)

    @property
    def error(self) -> ProcountorError | None:
        if isinstance(self.answer, reconciliation.Reply):
            return self.answer.error
        return super().error


@dataclass(eq=False, kw_only=True)
class Submit(ForExport):
    """The POST. Its attempt is committed; after `leave_by` its claim is too old."""

    attempt: SubmissionAttempt
    leave_by: float

    @property
    def is_accepted(self) -> bool:
        return isinstance(self.answer, CreatedInvoice)

    def ask(self) -> Any:
        body = self.attempt.request_body.encode()
        return self.lane.client.create_invoice(body, leave_by=self.leave_by)


@dataclass(eq=False, kw_only=True)
class Settle(ForExport):
    """Ask what became of an export whose answer was lost."""

    def ask(self) -> reconciliation.Reply:
        return reconciliation.ask(self.export.invoice.number, self.lane.client)

    @property
    def error(self) -> ProcountorError | None:
        return self.answer.error if isinstance(self.answer, reconciliation.Reply) else None


@dataclass(eq=False, kw_only=True)
class ReadBack(Job):
    """Read Procountor's copies of what was submitted."""

    submitted: list[InvoiceExport] = field(default_factory=list)

    @property
    def exports(self) -> list[InvoiceExport]:
        return self.submitted

    def ask(self) -> Any:
        wanted = [export.remote_id for export in self.submitted if export.remote_id is not None]
        return self.lane.client.get_invoices(wanted)


@dataclass(eq=False, kw_only=True)
class Step(Job):
    """One call of what follows submitting: attach, approve, send, or reading what they did."""

    call: StepCall

    def ask(self) -> Any:
        return self.call.ask(self.lane.client)


@dataclass(eq=False, kw_only=True)
class Probe(Job):
    """In an outage: ask whether Procountor is back."""

    def ask(self) -> bool:
        return outages.probe(self.lane.client)

    @property
    def error(self) -> ProcountorError | None:
        return None if self.answer else NotSubmitted("probe")
