"""Recomputes the chains and names what does not fit. Reads only, a page of links at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from invoices.evidence import canonical, sealing
from invoices.evidence.chains import genesis, link_hash
from invoices.evidence.gone import Gone
from invoices.evidence.kinds import BY_NUMBER, KINDS, Kind
from invoices.evidence_models import EvidenceChain, EvidenceLink

_PAGE = 2000
#: So many findings are kept; all are counted.
_KEPT = 1000


@dataclass(frozen=True)
class Finding:
    """`what`: "row changed", "row removed", "row not sealed", "link changed", "link removed",
    "chain changed" or "published head missing"; of an expired chain also "hashes changed",
    "certificate changed", "certificate missing", "expired numbers changed" or "more deleted than
    recorded". `row` is a primary key of `table`; of a link it is the position in the chain."""

    what: str
    table: str
    row: int
    chain: int | None = None
    position: int | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class Result:
    """What verifying found, of one chain or of several."""

    rows: int = 0
    links: int = 0
    problems: int = 0
    findings: list[Finding] = field(default_factory=list)
    seconds: float = 0.0

    def note(self, finding: Finding) -> None:
        self.problems += 1
        if len(self.findings) < _KEPT:
            self.findings.append(finding)

    def add(self, other: Result) -> None:
        self.rows += other.rows
        self.links += other.links
        self.problems += other.problems
        self.findings = (self.findings + other.findings)[:_KEPT]
        self.seconds += other.seconds


#: Heads that were published, of one chain: {position: hash}.
Heads = Mapping[int, bytes]


def verify_chain(chain: EvidenceChain, heads: Heads | None = None) -> Result:
    """Recompute every row and link of a chain; `heads` are published ones it has to contain."""
    result, began = Result(), time.monotonic()
    expected = genesis(chain.tenant_id, chain.starts_on, chain.ends_on, chain.made_at)
    if expected != bytes(chain.genesis):
        result.note(Finding("chain changed", "invoices_evidencechain", chain.pk, chain.pk))
    left = dict(heads or {})
    gone = Gone.of(chain)
    before, last = bytes(chain.genesis), 0
    for page in pages(chain.pk):
        compare_rows(chain.pk, page, result, may_vanish=gone is not None)
        for position, number, row, digest, stored in page:
            table = BY_NUMBER[number].table if number in BY_NUMBER else str(number)
            if gone and position <= gone.to:
                before = gone.meet(position)
                if stored != gone.hashes.get(position) or stored != link_hash(
                    before, position, table, row, digest
                ):
                    result.note(_link("link changed", chain.pk, position))
                continue
            if gone and last < gone.to:
                before, last = gone.hashes.get(gone.to), gone.to
            for missing in range(last + 1, min(position, last + 1 + _KEPT)):
                result.note(_link("link removed", chain.pk, missing))
            # What was stored goes on, so that one break is not told of every link after it.
            if link_hash(before, position, table, row, digest) != stored and position == last + 1:
                result.note(_link("link changed", chain.pk, position))
            if position in left and left.pop(position) != stored:
                result.note(_link("published head missing", chain.pk, position))
            before, last = stored, position
        result.links += len(page)
    for position, head in left.items():
        if not gone or gone.hashes.get(position) != head:
            result.note(_link("published head missing", chain.pk, position))
    if gone:
        for what, table, row in gone.faults():
            result.note(Finding(what, table, row, chain.pk))
    result.seconds = time.monotonic() - began
    return result


def verify_unsealed(tenant_pk: int | None = None) -> Result:
    """Rows that are in no chain though they have been evidence for more than an hour."""
    result, began = Result(), time.monotonic()
    before = sealing.an_hour_ago()
    for kind in KINDS:
        for pk in sealing.unsealed(kind, before, tenant_pk=tenant_pk):
            result.note(Finding("row not sealed", kind.table, pk))
    result.seconds = time.monotonic() - began
    return result


_Link = tuple[int, int, int, bytes, bytes]


def pages(chain_pk: int, after: int = -1) -> Iterator[list[_Link]]:
    """Pages of (position, kind, row, digest, hash) of a chain's links, in order."""
    last = after
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LINKS, [chain_pk, last, _PAGE])
            page = [
                (position, kind, row, bytes(digest), bytes(hash_))
                for position, kind, row, digest, hash_ in cursor.fetchall()
            ]
        if not page:
            return
        yield page
        last = page[-1][0]


_LINKS = """
    SELECT position, kind, row, digest, hash FROM invoices_evidencelink
    WHERE chain_id = %s AND position > %s ORDER BY position LIMIT %s
"""


def compare_rows(
    chain_pk: int, page: Iterable[_Link], result: Result, *, may_vanish: bool = False
) -> None:
    """Compare the rows of a page of links with their digests. With `may_vanish` a row may be
    deleted meanwhile, together with its link."""
    of_kind: dict[int, dict[int, tuple[int, bytes]]] = {}
    for position, number, row, digest, _hash in page:
        of_kind.setdefault(number, {})[row] = position, digest
    for number, wanted in of_kind.items():
        kind = BY_NUMBER.get(number)
        if kind is None:
            for position, _digest in wanted.values():
                result.note(_link("link changed", chain_pk, position))
            continue
        for values in canonical.rows(kind, list(wanted)):
            position, digest = wanted.pop(values[0])
            result.rows += 1
            if canonical.digest(kind, values) != digest:
                result.note(_row("row changed", kind, values[0], chain_pk, position))
        for pk, (position, _digest) in wanted.items():
            if may_vanish and not _is_there(chain_pk, position):
                continue
            result.note(_row("row removed", kind, pk, chain_pk, position))


def _is_there(chain_pk: int, position: int) -> bool:
    """Whether a link still is: of an expiring chain it may have gone since, with its row."""
    return EvidenceLink.objects.filter(chain=chain_pk, position=position).exists()


def _row(what: str, kind: Kind, pk: int, chain_pk: int, position: int) -> Finding:
    return Finding(what, kind.table, pk, chain_pk, position)


def _link(what: str, chain_pk: int, position: int) -> Finding:
    return Finding(what, "invoices_evidencelink", position, chain_pk, position)
