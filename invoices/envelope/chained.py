"""The segments of the tenant's chains that an envelope's rows are in.

From the first link that concerns the envelope to the chain's head, so that it can be compared
with heads that were published since. Only the envelope's own rows are shown; of all others there
is a number and a hash. Of a chain that has expired only some links are left: each piece of it
begins anew, with the hash that was kept of the link before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from typing import Any

from invoices.envelope.scope import Scope
from invoices.evidence.expired import Hashes
from invoices.evidence.segments import entries
from invoices.evidence_models import EvidenceChain

Row = tuple[str, int]


@dataclass
class Segments:
    """`lines` of chain.jsonl for `rows`; afterwards `facts` for the manifest, and how many of
    the rows were `sealed`. `alive` is called for links of which no line comes, too."""

    scope: Scope
    rows: Set[Row]
    alive: Callable[[], None]
    facts: list[dict[str, Any]] = field(default_factory=list)
    sealed: int = 0

    def lines(self) -> Iterator[list[Any] | dict[str, Any]]:
        """A description of each segment, followed by its links as [position, table, primary key,
        SHA-256 of the row] and, for a row of the envelope, its canonical form."""
        for chain in EvidenceChain.objects.filter(tenant=self.scope.tenant).order_by("starts_on"):
            yield from self._segment(chain)

    def _segment(self, chain: EvidenceChain) -> Iterator[list[Any] | dict[str, Any]]:
        before, last, began = bytes(chain.genesis), 0, False
        hashes = Hashes(chain)
        for entry in entries(chain, only=self.rows):
            if entry.position != last + 1 and hashes.count:
                before, last = hashes.get(entry.position - 1), entry.position - 1
                if began:
                    yield _described(chain, last, before)
            if not began and entry.canonical is None:
                before, last = entry.hash, entry.position
                self.alive()
                continue
            if not began:
                began = True
                yield _described(chain, last, before)
                first = entry.position
            link: list[Any] = [entry.position, entry.table, entry.row, entry.digest.hex()]
            if entry.canonical is not None:
                self.sealed += 1
                link.append(entry.canonical.decode("utf-8", "surrogatepass"))
            yield link
            before, last = entry.hash, entry.position
        if began:
            head = {"from": first, "to": last, "head": before.hex()}
            self.facts.append({"chain": chain.pk, **head})


def _described(chain: EvidenceChain, after: int, before: bytes) -> dict[str, Any]:
    return {
        "chain": chain.pk,
        "starts_on": chain.starts_on.isoformat(),
        "ends_on": chain.ends_on.isoformat(),
        "after": after,
        "before": before.hex(),
    }
