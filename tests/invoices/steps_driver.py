"""Plays the engine for steps: claim, ask over real HTTP, settle."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

from integrations import clients
from integrations.procountor import ProcountorError
from invoices import exports
from invoices.exports import steps
from invoices.mapping import map_invoice, to_bytes
from invoices.models import InvoiceExport
from invoices.preflight import latest_reference_data, reference_of, settings_of
from invoices.step_models import ExportStep

PDF = b"%PDF-1.7\n% made up\n"


def reconcile(export, client):
    """Submit one queued export and read it back as the engine would, then plan its steps."""
    (taken,) = exports.claim([export])
    taken = InvoiceExport.objects.select_related("invoice", "tenant").get(pk=taken.pk)
    created = client.create_invoice(_body(taken))
    attempt = exports.open_attempt(taken, b"{}", taken.tenant.active_credential)
    exports.accepted([(taken, attempt, created)])
    exports.read_back([(taken, client.get_invoice(created.id))])
    steps.plan([taken])
    taken.refresh_from_db()
    return taken


def _body(export):
    tenant = export.tenant
    reference = reference_of(latest_reference_data(tenant))
    mapped = map_invoice(export.invoice.document, settings_of(tenant), reference)
    return to_bytes(mapped.payload)


def ask(call, client):
    try:
        return call.ask(client)
    except ProcountorError as error:
        return error


def drive(tenant, client, rounds=1):
    """Work off what is due now; returns what settling said."""
    said = []
    for _round in range(rounds):
        for call in steps.due(tenant.pk, 10):
            said.append(steps.settle(call, ask(call, client)))
    return said


def make_due():
    """Let the waiting time of every step pass."""
    ExportStep.objects.filter(not_before__isnull=False).update(
        not_before=timezone.now() - dt.timedelta(seconds=1)
    )


def drive_to_the_end(tenant, client, rounds=30):
    for _round in range(rounds):
        make_due()
        if not drive(tenant, client):
            return


def client_of(tenant):
    return clients.client_for(tenant)


def states(export):
    return [(step.kind, step.status) for step in export.steps.order_by("rank", "pk")]


def calls(sandbox, suffix):
    """How many requests ended in `suffix`, answered or not."""
    return sum(path.endswith(suffix) for _at, _method, path, *_rest in sandbox.requests)
