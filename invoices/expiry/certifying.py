"""Writes and signs the certificate of a deletion."""

from __future__ import annotations

import importlib.resources
import io
import json
import zipfile
from typing import Any

from django.conf import settings
from django.utils import timezone

from invoices import audit
from invoices.evidence import expired, signing
from invoices.evidence.expired import Hashes
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.expiry import deciding
from invoices.retention_models import DeletionCertificate, Expiry, ExpiryState

FORMAT = "flashnode-deletion-1"
_BASIS = "Accounting Act 1336/1997 (Finland), chapter 2, section 10"


def certify(expiry: Expiry) -> None:
    """End a deletion: its certificate and that it is done, in the caller's transaction. Raises
    NoSigningKey; nothing has changed then."""
    now = timezone.now()
    facts = _facts(expiry, now)
    content = json.dumps(facts, ensure_ascii=False, sort_keys=True, indent=1)
    certificate = DeletionCertificate.objects.create(
        expiry=expiry,
        tenant=expiry.tenant,
        made_at=now,
        content=content,
        signature=signing.sign(content.encode()),
        public_key=signing.public_key() or "",
    )
    expiry.state, expiry.finished_at = ExpiryState.DONE, now
    expiry.holder, expiry.lease_until = "", None
    expiry.save(update_fields=["state", "finished_at", "holder", "lease_until", "waits_for"])
    data = {"certificate": certificate.pk, "invoices": expiry.invoices, "rows": facts["rows"]}
    audit.record("expiry.done", tenant=expiry.tenant, data=deciding.facts_of(expiry) | data)


def packed(certificate: DeletionCertificate) -> bytes:
    """A ZIP that a stranger can check: the certificate, its signature and key, the hashes of its
    chains (32 bytes each) and the program that checks them."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("certificate.json", certificate.content)
        archive.writestr("certificate.sig", bytes(certificate.signature).hex())
        archive.writestr("public_key.pem", signing.pem_of(certificate.public_key))
        program = importlib.resources.files(__package__).joinpath("verify_certificate.py")
        archive.writestr("verify_certificate.py", program.read_bytes())
        pks = [entry["chain"] for entry in expired.facts_of(certificate)["chains"]]
        for chain in EvidenceChain.objects.filter(pk__in=pks):
            with archive.open(f"hashes/{chain.pk}.bin", "w") as file:
                for piece in Hashes(chain).pieces():
                    file.write(piece)
    return target.getvalue()


def _facts(expiry: Expiry, now: Any) -> dict[str, Any]:
    tenant, chain = expiry.tenant, expiry.chain
    rows: dict[str, int] = {}
    for counts in expiry.removed.values():
        for table, count in counts.items():
            rows[table] = rows.get(table, 0) + count
    return {
        "format": FORMAT,
        "tenant": {"id": tenant.pk, "name": tenant.name, "business_id": tenant.business_id},
        "financial_year": {
            "starts_on": chain.starts_on.isoformat(),
            "ends_on": chain.ends_on.isoformat(),
        },
        "basis": _BASIS,
        "years_kept": tenant.retention_years,
        "deletable_from": expiry.over_from.isoformat(),
        "proposed": _act(expiry.proposed_by_id, expiry.proposed_at, expiry.reason),
        "approved": _act(expiry.decided_by_id, expiry.decided_at, expiry.decision_reason),
        "finished_at": now.isoformat(),
        "rows": dict(sorted(rows.items())),
        "invoices": expiry.invoices,
        "sums": expiry.sums,
        "numbers": {
            "count": expiry.numbers.count(),
            "sha256": expired.digest_of_numbers(expiry),
        },
        "chains": [_chain(each, expiry) for each in _touched(expiry)],
        "software_version": settings.SOFTWARE_VERSION,
        "public_key_sha256": signing.fingerprint(),
    }


def _act(person: int | None, at: Any, reason: str) -> dict[str, Any]:
    """People by their number: what they are called is not kept longer than they wish."""
    return {"by": f"person:{person}", "at": at.isoformat() if at else None, "reason": reason}


def _touched(expiry: Expiry) -> list[EvidenceChain]:
    pks = {int(chain) for chain in expiry.removed if chain != "beside"} | {expiry.chain_id}
    return list(EvidenceChain.objects.filter(pk__in=pks).order_by("pk"))


def _chain(chain: EvidenceChain, expiry: Expiry) -> dict[str, Any]:
    """What of a chain went, and which links stay: those of rows that a later year still needs."""
    hashes = Hashes(chain)
    kept = EvidenceLink.objects.filter(chain=chain, position__lte=hashes.count)
    return {
        "chain": chain.pk,
        "starts_on": chain.starts_on.isoformat(),
        "ends_on": chain.ends_on.isoformat(),
        "made_at": chain.made_at.isoformat(),
        "genesis": bytes(chain.genesis).hex(),
        "links": hashes.count,
        "first": hashes[1].hex() if hashes.count else "",
        "last": hashes[hashes.count].hex(),
        "hashes_sha256": hashes.sha256(),
        "removed": expiry.removed.get(str(chain.pk), {}),
        "kept": list(kept.order_by("position").values_list("position", flat=True)),
    }
