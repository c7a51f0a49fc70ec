"""A chain's rows with their canonical form, for whoever packs them into something a stranger can
check without our database."""

from __future__ import annotations

from collections.abc import Container, Iterator
from typing import NamedTuple

from invoices.evidence import canonical
from invoices.evidence.kinds import BY_NUMBER
from invoices.evidence.verifying import pages
from invoices.evidence_models import EvidenceChain


class Entry(NamedTuple):
    """One link with its row: `digest` is the SHA-256 of `canonical`, `hash` of the text that
    `chains.link_hash` describes. `canonical` is None when the row is gone or was not asked for."""

    position: int
    table: str
    row: int
    canonical: bytes | None
    digest: bytes
    hash: bytes


def entries(
    chain: EvidenceChain,
    after: int = 0,
    to: int | None = None,
    only: Container[tuple[str, int]] | None = None,
) -> Iterator[Entry]:
    """The links of a chain after one position and up to another, in order, a page at a time;
    with rows, or with `only` those of these tables and primary keys.

    As stored: nothing is verified here. What `hash` of the first builds on is the hash at
    `after`, or the chain's `genesis`.
    """
    for page in pages(chain.pk, after):
        wanted: dict[int, list[int]] = {}
        for _position, number, row, _digest, _hash in page:
            if only is None or (BY_NUMBER[number].table, row) in only:
                wanted.setdefault(number, []).append(row)
        found = {
            (number, values[0]): canonical.canonical(BY_NUMBER[number], values)
            for number, keys in wanted.items()
            for values in canonical.rows(BY_NUMBER[number], keys)
        }
        for position, number, row, digest, hash_ in page:
            if to is not None and position > to:
                return
            table = BY_NUMBER[number].table
            yield Entry(position, table, row, found.get((number, row)), digest, hash_)
