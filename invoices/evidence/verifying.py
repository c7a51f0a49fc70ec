"""Recomputes the chains and names what does not fit. Reads only, a page of links at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import connection

from invoices.evidence import canonical, sealing
from invoices.evidence.chains import genesis, link_hash
from invoices.evidence.gone import Fault, Gone
from invoices.evidence.kinds import BY_NUMBER, KINDS, Kind
from invoices.evidence_models import EvidenceChain, EvidenceLink

_Link = tuple[int, int, int, bytes, bytes]
_PAGE = 2000
#: So many findings are kept; all are counted.
_KEPT = 1000


@dataclass(frozen=True)
class Finding:
    """`what`: "row changed", "row removed", "row not sealed", "link changed", "link removed",
    "chain changed", "chain removed" or "published head missing"; of an expired chain also "hashes
    changed", "certificate changed", "certificate missing", "expired numbers changed" or "more
    deleted than recorded". `row` is a primary key of `table`; of a link it is the position in the
    chain."""

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


@dataclass
class Walk:
    """How far a chain is verified: the last position that was read, the hash stored there, which
    the next link builds on, and what was found so far."""

    position: int
    head: bytes
    result: Result = field(default_factory=Result)


def verify_chain(chain: EvidenceChain, heads: Heads | None = None) -> Result:
    """Recompute every row and link of a chain; `heads` are published ones it has to contain."""
    walk, left = begin(chain), dict(heads or {})
    walk_on(chain, walk, left=left)
    gone = Gone.of(chain)
    for position, head in left.items():
        if not gone or gone.hashes.get(position) != head:
            walk.result.note(_link("published head missing", chain.pk, position))
    return walk.result


def begin(chain: EvidenceChain) -> Walk:
    """A walk that has read the chain's own description and none of its links."""
    walk = Walk(0, bytes(chain.genesis))
    expected = genesis(chain.tenant_id, chain.starts_on, chain.ends_on, chain.made_at)
    if expected != bytes(chain.genesis):
        walk.result.note(Finding("chain changed", "invoices_evidencechain", chain.pk, chain.pk))
    return walk


def walk_on(
    chain: EvidenceChain,
    walk: Walk,
    *,
    seconds: float = float("inf"),
    to: int | None = None,
    left: dict[int, bytes] | None = None,
) -> bool:
    """Recompute rows and links from where `walk` is, for about as many seconds: True when the
    chain's end was reached, or `to`, a position that it has. Published heads that are passed
    are taken from `left`."""
    result, began = walk.result, time.monotonic()
    # Not from position 1: below it there must be none.
    is_over, gone = True, None
    for page in pages(chain.pk, walk.position or _LOWEST, to):
        # After the page was read: what it lacks was deleted before.
        gone = gone or Gone.of(chain)
        compare_rows(chain.pk, page, result)
        for link in page:
            if gone and link[0] <= gone.to:
                _compare_left(chain.pk, link, walk, gone)
                continue
            if gone and walk.position < gone.to:
                walk.position, walk.head = gone.to, gone.hashes.get(gone.to)
            _compare_link(chain.pk, link, walk, left if left is not None else {})
        result.links += len(page)
        if time.monotonic() - began >= seconds:
            is_over = False
            break
    if is_over and to is None:
        for what, table, row in _faults(chain):
            result.note(Finding(what, table, row, chain.pk))
    elif is_over and to is not None and not (gone and to <= gone.to):
        _note_gap(chain.pk, walk, to + 1)
    result.seconds += time.monotonic() - began
    return is_over


def _faults(chain: EvidenceChain) -> list[Fault]:
    """What of an expired chain is missing, or there, without being accounted for."""
    gone = Gone.of(chain)
    return list(gone.faults()) if gone else []


def _compare_left(chain_pk: int, link: _Link, walk: Walk, gone: Gone) -> None:
    """A link that is left of a chain that has expired: its neighbours may be gone."""
    position, number, row, digest, stored = link
    table = BY_NUMBER[number].table if number in BY_NUMBER else str(number)
    expected = link_hash(gone.hashes.get(position - 1), position, table, row, digest)
    if not stored == expected == gone.hashes.get(position):
        walk.result.note(_link("link changed", chain_pk, position))
    if position >= 1:
        walk.position, walk.head = position, stored


def _compare_link(chain_pk: int, link: _Link, walk: Walk, left: dict[int, bytes]) -> None:
    position, number, row, digest, stored = link
    _note_gap(chain_pk, walk, position)
    table = BY_NUMBER[number].table if number in BY_NUMBER else str(number)
    # What was stored goes on, so that one break is not told of every link after it.
    fits = link_hash(walk.head, position, table, row, digest) == stored
    if position < 1 or (not fits and position == walk.position + 1):
        walk.result.note(_link("link changed", chain_pk, position))
    if position in left and left.pop(position) != stored:
        walk.result.note(_link("published head missing", chain_pk, position))
    if position >= 1:
        walk.position, walk.head = position, stored


def _note_gap(chain_pk: int, walk: Walk, following: int) -> None:
    """Positions that are missing before `following`."""
    first = walk.position + 1
    for missing in range(first, min(following, first + _KEPT)):
        walk.result.note(_link("link removed", chain_pk, missing))


def verify_unsealed(tenant_pk: int | None = None) -> Result:
    """Rows that are in no chain though they have been evidence for more than an hour, and, of
    everybody, chains that have links and are gone: nothing else would read those links."""
    result, began = Result(), time.monotonic()
    before = sealing.an_hour_ago()
    for kind in KINDS:
        for pk in sealing.unsealed(kind, before, tenant_pk=tenant_pk):
            result.note(Finding("row not sealed", kind.table, pk))
    if tenant_pk is None:
        there = set(EvidenceChain.objects.values_list("pk", flat=True))
        for pk in _linked_chains():
            if pk not in there:
                result.note(Finding("chain removed", "invoices_evidencechain", pk, pk))
    result.seconds = time.monotonic() - began
    return result


def _linked_chains() -> Iterator[int]:
    """The primary keys of chains that links name. One look into the index for each of them."""
    last = _LOWEST
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                "SELECT min(chain_id) FROM invoices_evidencelink WHERE chain_id > %s", [last]
            )
            (following,) = cursor.fetchone()
            if following is None:
                return
            yield following
            last = following


def pages(chain_pk: int, after: int = 0, to: int | None = None) -> Iterator[list[_Link]]:
    """Pages of (position, kind, row, digest, hash) of a chain's links after one position and up
    to another, in order."""
    last = after
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_LINKS, [chain_pk, last, _HIGHEST if to is None else to, _PAGE])
            page = [
                (position, kind, row, bytes(digest), bytes(hash_))
                for position, kind, row, digest, hash_ in cursor.fetchall()
            ]
        if not page:
            return
        yield page
        last = page[-1][0]


_LOWEST, _HIGHEST = -(2**63), 2**63 - 1
_LINKS = """
    SELECT position, kind, row, digest, hash FROM invoices_evidencelink
    WHERE chain_id = %s AND position > %s AND position <= %s ORDER BY position LIMIT %s
"""


def compare_rows(chain_pk: int, page: Iterable[_Link], result: Result) -> None:
    """Compare the rows of a page of links with their digests. A row that was deleted
    meanwhile, together with its link, is none of them any more."""
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
            if not _is_there(chain_pk, position):
                continue
            result.note(_row("row removed", kind, pk, chain_pk, position))


def _is_there(chain_pk: int, position: int) -> bool:
    """Whether a link still is: of an expiring chain it may have gone since, with its row."""
    return EvidenceLink.objects.filter(chain=chain_pk, position=position).exists()


def _row(what: str, kind: Kind, pk: int, chain_pk: int, position: int) -> Finding:
    return Finding(what, kind.table, pk, chain_pk, position)


def _link(what: str, chain_pk: int, position: int) -> Finding:
    return Finding(what, "invoices_evidencelink", position, chain_pk, position)
