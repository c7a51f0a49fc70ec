"""A tenant whose invoices of some days were exported, and what people do in Procountor."""

from __future__ import annotations

import datetime as dt
import json

import pytest

from integrations.sandbox import by_hand
from invoices import engine, filing, ledger
from invoices.ledger_models import LedgerDay, LedgerDifference
from invoices.models import InvoiceExport
from tests import factories

DAY = dt.date(2026, 9, 1)


class Ledger:
    """One tenant's books, here and in Procountor."""

    def __init__(self, tenant, sandbox):
        self.tenant, self.sandbox, self.company = tenant, sandbox, tenant.company

    def received(self, *numbers, queue=True, date=DAY, **fields):
        dates = {"date": date, "due_date": date + dt.timedelta(days=14)}
        fields = {name: day.isoformat() for name, day in dates.items()} | fields
        content = {"invoices": [factories.invoice(n, **fields) for n in numbers]}
        filing.file_invoices(
            self.tenant, f"{numbers[0]}.json", json.dumps(content).encode(), via="command",
            queue=queue,
        )  # fmt: skip
        return [self.export(number) for number in numbers]

    def exported(self, *numbers, **fields):
        """Received, submitted and read back."""
        self.received(*numbers, **fields)
        engine.run_lane(self.tenant.pk)
        found = [self.export(number) for number in numbers]
        assert {each.status for each in found} <= {"submitted", "reconciled"}, found
        return found

    def export(self, number):
        mine = InvoiceExport.objects.select_related("invoice")
        return mine.get(tenant=self.tenant, invoice__number=number)

    def read(self, first=DAY, last=None, **kwargs):
        """Read the days and go on until nothing is due; returns the first day's row."""
        ledger.read_days(self.tenant, first, last or first, **kwargs)
        drive()
        return self.day(first)

    def day(self, day=DAY):
        return LedgerDay.objects.select_related("seal").filter(tenant=self.tenant, day=day).first()

    def open(self):
        rows = LedgerDifference.objects.filter(tenant=self.tenant, ended_at=None)
        return sorted((row.kind, row.number) for row in rows)

    def change(self, ours, **fields):
        by_hand.change(self.sandbox, self.company, self.export(ours).remote_id, **fields)

    def delete(self, number):
        by_hand.delete(self.sandbox, self.company, self.export(number).remote_id)

    def enter(self, **fields):
        return by_hand.enter(self.sandbox, self.company, **({"date": DAY} | fields))

    def asked(self, since=0):
        """(method, path) of the requests, without the tokens'."""
        return [(r[1], r[2]) for r in self.sandbox.requests[since:] if r[2] != "/oauth/token"]


def drive():
    for _turn in range(200):
        if not ledger.advance():
            return
    raise AssertionError("the readings do not end")


@pytest.fixture
def books(tenant, sandbox):
    return Ledger(tenant, sandbox)
