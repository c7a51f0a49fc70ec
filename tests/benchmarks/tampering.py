"""Whether a change of one byte anywhere in a year of exports is found:
`python -m tests.benchmarks.tampering [--database sqlite|postgres] [--exports 100000]
[--samples 5] [--seed 1]`.

Every table of the evidence has rows; all of it is sealed and verified. Then `tests.tampering`
changes each column of each table in the first, the last and sampled rows, removes, swaps and puts
in rows, and does the like to links and chains. Ends with 1 when one of these is not found.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from typing import Any

from tests.benchmarks import evidence
from tests.benchmarks import office as offices


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.tampering")
    parser.add_argument("--exports", type=int, default=100_000)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--samples", type=int, default=5, help="rows beside the first and last")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with offices.opened(options.database, tenants=1) as office:
        (tenant,) = office.tenants
        offices.take_in(tenant, 1, "T")
        result = measure(tenant, options.exports, options.samples, options.seed)
    print(json.dumps({"database": options.database} | result, indent=1, ensure_ascii=False))
    return 1 if result["not_found"] else 0


def measure(tenant: Any, exports: int, samples: int, seed: int) -> dict[str, Any]:
    """`tenant` has one export that is a draft; it is given so many more, all is sealed, and then
    tampered with."""
    # Models can only be imported once the settings are known.
    from invoices.evidence import seal
    from invoices.evidence_models import EvidenceLink
    from invoices.models import InvoiceExport
    from tests.evidence import add_one_of_each, fill_the_rest
    from tests.tampering import Campaign

    add_one_of_each(InvoiceExport.objects.get())
    evidence.fill(tenant, exports)
    fill_the_rest(evidence.FIRST, exports)
    while seal(float("inf")):
        pass
    began = time.monotonic()
    campaign = Campaign(samples, seed)
    campaign.run()
    return {
        "exports": exports,
        "sealed_rows": EvidenceLink.objects.count(),
        "verified_rows_per_second": round(campaign.rows / campaign.seconds),
        "seconds": round(time.monotonic() - began, 1),
        "changes": campaign.tried.total() - campaign.tried["nothing"],
        "changed": dict(campaign.tried),
        "not_found": campaign.missed,
    }


if __name__ == "__main__":
    sys.exit(main())
