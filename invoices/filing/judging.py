"""What becomes of each item of a file: the same for taking it in and for a preview of that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from integrations.models import Tenant
from invoices import changes, corrections
from invoices.document import InvoiceDocument, Problem
from invoices.intake import ReadItem
from invoices.mapping import (
    ExportSettings,
    Mapped,
    ReferenceData,
    basis_of,
    map_invoice,
    to_bytes,
)
from invoices.models import Invoice
from invoices.pdf import Pdf
from invoices.preflight import (
    FIXED_OUTSIDE_THE_INVOICE,
    latest_reference_data,
    reference_of,
    settings_of,
)
from invoices.retention.numbers import ExpiredNumbers
from invoices.step_models import InvoiceAttachment


class Verdict(StrEnum):
    """NEW is accepted; DUPLICATE is the same number with the same content as before, CHANGED with
    another content, which is held for a person; REJECTED has errors."""

    NEW = "new"
    DUPLICATE = "duplicate"
    CHANGED = "changed"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Terms:
    """The tenant's settings and what is known of its company, as they are now."""

    settings: ExportSettings
    reference: ReferenceData
    basis: str

    @classmethod
    def of(cls, tenant: Tenant) -> Terms:
        settings = settings_of(tenant)
        reference = reference_of(latest_reference_data(tenant))
        return cls(settings, reference, basis_of(settings, reference))


@dataclass(frozen=True, slots=True)
class Draft:
    """An item with all that can be made of it without knowing the other invoices. `content` is
    the document as JSON-ready data; `mapped` and `sha256` are there when there is a document."""

    item: ReadItem
    content: dict[str, Any] | None = None
    sha256: str = ""
    mapped: Mapped | None = None
    prepared: tuple[str, str] | None = None

    @property
    def number(self) -> str:
        return self.item.document.number if self.item.document else self.item.number

    @property
    def gross_total(self) -> Decimal | None:
        """As stated, else as counted."""
        document, mapped = self.item.document, self.mapped
        if document is None or mapped is None:
            return None
        return document.gross_total if document.gross_total is not None else mapped.gross_total

    @property
    def wrong(self) -> tuple[Problem, ...]:
        """What can only be put right in the invoice: then it is rejected."""
        found = self.mapped.problems if self.mapped else self.item.problems
        if not self.mapped:
            return found
        return tuple(each for each in found if each.code not in FIXED_OUTSIDE_THE_INVOICE)


@dataclass(frozen=True, slots=True)
class Known:
    """An invoice of that number that is there already; `pk` is None when it is one of the same
    file that is not stored. `sha256` is of its content as it came; `same` has what equal
    documents share (`InvoiceDocument.sameness`) of that and of what people corrected it to, as far
    as a draft differs from the first. `files` are (name, SHA-256) of its PDFs, `decided` has the
    digests of other contents (`digest_with`) about which a person has decided."""

    pk: int | None
    sha256: str
    files: frozenset[tuple[str, str]] = frozenset()
    same: frozenset[str] = frozenset()
    decided: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Judged:
    draft: Draft
    verdict: Verdict
    problems: tuple[Problem, ...] = ()
    known: Known | None = None
    #: Of a number that stands earlier in the same batch: that one.
    earlier: Draft | None = None
    #: What is told of it beside the item's own warnings.
    warnings: tuple[Problem, ...] = ()


def draft_of(item: ReadItem, terms: Terms) -> Draft:
    """Map one item. Reads no database."""
    document = item.document
    if document is None:
        return Draft(item)
    content = document.as_json()
    mapped = map_invoice(document, terms.settings, terms.reference)
    prepared = (terms.basis, to_bytes(mapped.payload).decode()) if mapped.payload else None
    return Draft(item, content, digest_of(content), mapped, prepared)


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 (hex) of a document's content, by which duplicates are known."""
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def known_of(tenant: Tenant, drafts: Iterable[Draft]) -> dict[str, Known]:
    """The invoices that are there already, by number: one query when there are none, and three
    more at most for those that differ."""
    with_document = [draft for draft in drafts if draft.item.document is not None]
    numbers = {draft.number for draft in with_document}
    rows = list(
        Invoice.objects.filter(tenant=tenant, number__in=numbers).values_list(
            "number", "pk", "content_sha256"
        )
        if numbers
        else ()
    )
    files: dict[int, set[tuple[str, str]]] = {}
    if rows and any(draft.item.attachments for draft in with_document):
        kept = InvoiceAttachment.objects.filter(invoice__in=[pk for _number, pk, _sha in rows])
        for pk, name, sha256 in kept.values_list("invoice", "name", "sha256"):
            files.setdefault(pk, set()).add((name, sha256))
    sent = {(draft.number, draft.sha256) for draft in with_document}
    differing = {number for number, _sha in sent - {(number, sha) for number, _pk, sha in rows}}
    pks = [pk for number, pk, _sha in rows if number in differing]
    same: dict[int, set[str]] = {}
    for pk, content in _contents(pks):
        same.setdefault(pk, set()).add(InvoiceDocument.model_validate(content).sameness())
    decided = changes.decided(pks)
    return {
        number: Known(
            pk,
            sha256,
            frozenset(files.get(pk, ())),
            frozenset(same.get(pk, ())),
            frozenset(decided.get(pk, ())),
        )
        for number, pk, sha256 in rows
    }


def _contents(invoice_pks: Sequence[int]) -> list[tuple[int, dict[str, Any]]]:
    """Of invoices: as they came, and as they were corrected last."""
    if not invoice_pks:
        return []
    came = Invoice.objects.filter(pk__in=invoice_pks).values_list("pk", "content")
    return [*came, *corrections.contents_by_invoice(invoice_pks)]


def digest_with(sha256: str, pdfs: Sequence[Pdf]) -> str:
    """Of a content together with PDFs that are not here: a decision is about both."""
    if not pdfs:
        return sha256
    facts = "".join([sha256, *sorted(f"{pdf.name}\0{pdf.sha256}" for pdf in pdfs)])
    return hashlib.sha256(facts.encode()).hexdigest()


def new_pdfs(draft: Draft, known: Known) -> list[Pdf]:
    """Those that are not here. PDFs that people added do not count."""
    return [pdf for pdf in draft.item.attachments if (pdf.name, pdf.sha256) not in known.files]


def judge(
    drafts: Sequence[Draft], known: Mapping[str, Known], expired: ExpiredNumbers
) -> list[Judged]:
    """What becomes of each, in order: an invoice that is taken in makes the next one of its number
    a duplicate of it."""
    unknown = {draft.number for draft in drafts if draft.item.document} - known.keys()
    refused = expired.refusals(unknown)
    seen: dict[str, Draft] = {}
    return [_judge(draft, known, seen, refused) for draft in drafts]


def _judge(
    draft: Draft, known: Mapping[str, Known], seen: dict[str, Draft], refused: dict[str, str]
) -> Judged:
    if draft.item.document is None:
        return Judged(draft, Verdict.REJECTED, draft.wrong)
    number = draft.number
    if (before := known.get(number)) is not None:
        return _judge_known(draft, before, None)
    if (earlier := seen.get(number)) is not None:
        files = frozenset((pdf.name, pdf.sha256) for pdf in earlier.item.attachments)
        assert earlier.item.document is not None  # it is taken in
        same = frozenset({earlier.item.document.sameness()})
        return _judge_known(draft, Known(None, earlier.sha256, files, same), earlier)
    if code := refused.get(number):
        return Judged(draft, Verdict.REJECTED, (Problem(code, place="number", value=number),))
    if wrong := draft.wrong:
        return Judged(draft, Verdict.REJECTED, wrong)
    seen[number] = draft
    return Judged(draft, Verdict.NEW)


def _judge_known(draft: Draft, known: Known, earlier: Draft | None) -> Judged:
    pdfs, document = new_pdfs(draft, known), draft.item.document
    assert document is not None  # what has none is rejected before
    if not pdfs and (draft.sha256 == known.sha256 or document.sameness() in known.same):
        return Judged(draft, Verdict.DUPLICATE, (), known, earlier)
    if digest_with(draft.sha256, pdfs) in known.decided:
        told = Problem("change_decided", place="number", value=draft.number)
        return Judged(draft, Verdict.DUPLICATE, (), known, earlier, (told,))
    problem = Problem("changed_duplicate", place="number", value=draft.number)
    return Judged(draft, Verdict.CHANGED, (problem,), known, earlier)


def buyer_name_of(document: InvoiceDocument) -> str:
    return document.buyer.address.name[:255]
