"""Recompute the chains of evidence and name what does not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from integrations.management.base import JsonCommand, refuse, tenant_named
from integrations.models import Tenant
from invoices.evidence import nightly, verifying
from invoices.evidence.heads import Published, read_published
from invoices.evidence.verifying import Finding, Result
from invoices.evidence_models import EvidenceChain


class Command(JsonCommand):
    help = (
        "Recomputes every hash of the evidence and names every row that was changed, removed, put "
        "in between or never sealed. Exit code 0: all of it is as it was written; 1: it is not; "
        "2: the input was wrong. --heads also finds a chain that was rewritten as a whole."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--tenant", metavar="SLUG", help="this tenant only")
        parser.add_argument(
            "--year", type=int, metavar="YYYY", help="financial years that end in this year only"
        )
        parser.add_argument(
            "--heads", type=Path, metavar="FILE", help="published heads that must be contained"
        )

    def run(self, **options: Any) -> tuple[int, dict[str, Any]]:
        published = _published(options["heads"])
        tenant = tenant_named(options["tenant"]) if options["tenant"] else None
        total = Result()
        for chain in _chains(tenant, options["year"]):
            total.add(nightly.verify(chain, published.pop(chain.pk, None)))
        everything = not (tenant or options["year"])
        if everything:
            _missing(published, total)
        if not options["year"]:
            unsealed = verifying.verify_unsealed(tenant.pk if tenant else None)
            total.add(unsealed)
            if everything:
                nightly.note(None, unsealed)
        nightly.follow()
        return int(bool(total.problems)), {
            "rows": total.rows,
            "links": total.links,
            "problems": total.problems,
            "seconds": round(total.seconds, 2),
            "rows_per_second": round(total.rows / total.seconds) if total.seconds else 0,
            "findings": [finding.as_json() for finding in total.findings],
        }

    def lines(self, facts: dict[str, Any]) -> list[str]:
        found = [nightly.told(finding) for finding in facts["findings"]]
        more = facts["problems"] - len(found)
        if more > 0:
            found.append(f"and {more} more")
        verdict = f"{facts['problems']} damaged." if found else "All is as it was written."
        return [
            *found,
            f"{facts['rows']} rows in {facts['links']} links, {facts['seconds']} s "
            f"({facts['rows_per_second']} rows/s). {verdict}",
        ]


def _chains(tenant: Tenant | None, year: int | None) -> list[EvidenceChain]:
    chains = EvidenceChain.objects.select_related("tenant").order_by("pk")
    if tenant:
        chains = chains.filter(tenant=tenant)
    if year:
        chains = chains.filter(ends_on__year=year)
        if not chains:
            raise refuse(f"--year: no chain ends in {year}.")
    return list(chains)


def _published(path: Path | None) -> Published:
    if path is None:
        return {}
    try:
        return read_published(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise refuse(f"--heads: {path} cannot be read: {error}.") from None
    except ValueError as error:
        raise refuse(f"--heads: {path}: {error}.") from None


def _missing(published: Published, total: Result) -> None:
    """Chains that were published and are not there at all."""
    for chain, heads in published.items():
        for position in heads:
            total.note(
                Finding(
                    "published head missing", "invoices_evidencelink", position, chain, position
                )
            )
