"""Invoices for rehearsals, good ones and such as fail for a cause of their own."""

from __future__ import annotations

import json

from invoices import filing, rehearsal
from tests import factories

_ROW = factories.invoice()["rows"][0]
#: By cause: what makes an invoice of it. The sandbox's company has no 13.5 % in `without_13_5`.
KINDS = {
    "good": {},
    "unmapped": {
        "rows": [_ROW | {"vat_percent": "0", "vat_category": "K"}],
        "gross_total": "100.00",
        "additional_information": "Intra-community supply, VAT 0 %",
        "buyer": factories.invoice()["buyer"] | {"vat_number": "SE123456789701"},
    },
    "rate": {"rows": [_ROW | {"vat_percent": "13.5"}], "gross_total": "113.50"},
    "closed": {"date": "2026-03-10", "due_date": "2026-03-24", "delivery_end": "2026-03-10"},
}
CODES = {
    "unmapped": "vat_category_unmapped",
    "rate": "vat_percent_not_in_use",
    "closed": "period_closed",
}


def take_in(tenant, *kinds, queue=False):
    """Take in one invoice of each kind, numbered from 1; returns their numbers."""
    numbers = [f"R-{n}" for n in range(1, len(kinds) + 1)]
    invoices = [
        factories.invoice(number, **KINDS[kind])
        for number, kind in zip(numbers, kinds, strict=True)
    ]
    content = json.dumps({"invoices": invoices}).encode()
    received = filing.file_invoices(tenant, "own.json", content, via="command", queue=queue)
    assert filing.counts(received)["accepted"] == len(kinds), list(received.items.values())
    return numbers


def rehearsed(tenant, by=None, **tried):
    """A rehearsal that has run: of the settings as they are, or of those `tried`."""
    asked = rehearsal.ask_for(tenant, by=by, tried=tried)
    assert rehearsal.run(asked.pk)
    asked.refresh_from_db()
    return asked
