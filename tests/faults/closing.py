"""What the back office does when all is over, as one process: management's figures are rolled up
and the evidence sealed and verified. Prints what the back office itself says of both as JSON."""

from __future__ import annotations

import json

import django

django.setup()

from invoices import evidence  # noqa: E402 - needs the settings
from invoices.evidence import verifying  # noqa: E402
from invoices.evidence_models import EvidenceChain, EvidenceLink  # noqa: E402
from invoices.reports import checking, rolling  # noqa: E402


def main() -> None:
    while not rolling.roll_up():
        pass
    while evidence.seal(float("inf")):
        pass
    total = verifying.verify_unsealed()
    for chain in EvidenceChain.objects.all():
        total.add(verifying.verify_chain(chain))
    facts = {
        "counted_wrongly": checking.check(),
        "links": EvidenceLink.objects.count(),
        "rows": total.rows,
        "damaged": [finding.as_json() for finding in total.findings],
    }
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
