"""The API's reference as OpenAPI 3.1: what django-ninja cannot know from the views' signatures."""

from __future__ import annotations

from typing import Any

from django.utils import translation

from invoices.api import shapes
from invoices.api.bodies import MAX_BATCH
from invoices.api.problem_types import TYPES
from invoices.api.problems import MEDIA_TYPE
from invoices.api.reading import DEFAULT_LIMIT, MAX_LIMIT
from invoices.document import InvoiceDocument
from invoices.enums import ExportStatus

_REF = "#/components/schemas/{model}"
EXAMPLE: dict[str, Any] = {
    "number": "2026-701",
    "date": "2026-09-16",
    "due_date": "2026-09-30",
    "buyer": {
        "address": {
            "name": "Järvenpään Kukka Oy",
            "street": "Puistotie 7",
            "zip": "04400",
            "city": "Järvenpää",
            "country": "FI",
        },
        "business_id": "4567890-1",
    },
    "rows": [
        {
            "name": "Hitsaus",
            "quantity": "2.5",
            "unit": "HUR",
            "unit_price": "80.00",
            "vat_percent": "25.5",
            "vat_category": "S",
        }
    ],
    "reference_number": "1232",
    "gross_total": "251.00",
}
_HEADERS = {
    "X-Request-Id": {"schema": {"type": "string"}, "description": "Names the request in our log."},
    "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."},
}


def problem_answers(*kinds: str) -> dict[str, Any]:
    """The `responses` of an operation for these kinds of problems and those every one has."""
    everywhere = (
        "unauthorized",
        "scope-missing",
        "connection-ended",
        "method-not-allowed",
        "not-acceptable",
        "too-many-requests",
        "internal-error",
        "busy",
    )
    by_status: dict[int, list[str]] = {}
    for kind in (*kinds, *everywhere):
        by_status.setdefault(TYPES[kind].status, []).append(kind)
    return {str(status): _answer(names) for status, names in sorted(by_status.items())}


def _answer(kinds: list[str]) -> dict[str, Any]:
    status = TYPES[kinds[0]].status
    waits = {"Retry-After": _HEADERS["Retry-After"]} if status in (409, 429, 503) else {}
    return {
        "description": " · ".join(f"{kind}: {_english(TYPES[kind].title)}" for kind in kinds),
        "headers": {"X-Request-Id": _HEADERS["X-Request-Id"]} | waits,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }


def _english(text: Any) -> str:
    """The source's own words: the reference for programs is in English."""
    with translation.override(None):
        return str(text)


def posting(*, batch: bool) -> dict[str, Any]:
    """`openapi_extra` of an address that takes invoices."""
    invoice = {"$ref": "#/components/schemas/Invoice"}
    schema: dict[str, Any] = invoice
    example: dict[str, Any] = EXAMPLE
    if batch:
        listed = {"type": "array", "items": invoice, "minItems": 1, "maxItems": MAX_BATCH}
        schema = {
            "type": "object",
            "properties": {"invoices": listed},
            "required": ["invoices"],
            "additionalProperties": False,
        }
        example = {"invoices": [EXAMPLE]}
    key = {
        "in": "header",
        "name": "Idempotency-Key",
        "required": False,
        "description": "Makes a repeat of this request get its first answer, byte for byte.",
        "schema": {"type": "string", "pattern": r"^[!#-\[\]-~]{1,255}$"},
        "example": "0b1f4d9e-5b4e-4d67-9a6e-7c6f0f6f8a11",
    }
    kinds = [
        *("body-unreadable", "idempotency-key-wrong", "request-in-progress", "length-required"),
        *("body-too-large", "media-type-wrong", "invoice-rejected", "idempotency-key-reused"),
    ]
    return {
        "parameters": [key],
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        },
        "responses": problem_answers(*kinds, *([] if batch else ["invoice-changed"])),
    }


def reading_exports() -> dict[str, Any]:
    """`openapi_extra` of the list of exports."""
    query = {"in": "query", "required": False}
    statuses = {"type": "array", "items": {"type": "string", "enum": list(ExportStatus.values)}}
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}
    return {
        "parameters": [
            query
            | {
                "name": "status",
                "schema": statuses,
                "explode": True,
                "description": "Only exports in one of these.",
            },
            query
            | {
                "name": "changed_since",
                "schema": {"type": "string", "format": "date-time"},
                "description": "Only exports that changed at this moment or later.",
                "example": "2026-09-16T08:00:00Z",
            },
            query | {"name": "limit", "schema": limit, "description": "Exports a page at most."},
            query
            | {
                "name": "cursor",
                "schema": {"type": "string"},
                "description": "From `next` of the page before; with it, no filter.",
            },
        ],
        "responses": problem_answers("parameters-wrong"),
    }


def invoice_schemas() -> dict[str, Any]:
    """Schemas of our JSON form, and of problems, by their names in the reference."""
    document = InvoiceDocument.model_json_schema(ref_template=_REF)
    found: dict[str, Any] = document.pop("$defs")
    document["properties"]["attachments"] = {
        "type": "array",
        "maxItems": 10,
        "default": [],
        "items": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "content_base64": {"type": "string", "contentEncoding": "base64"},
            },
            "required": ["name", "content_base64"],
            "additionalProperties": False,
        },
        "description": "PDFs of at most 10,000,000 bytes each; kept beside the invoice.",
    }
    problem = shapes.Problem9457.model_json_schema(ref_template=_REF)
    found |= problem.pop("$defs")
    return found | {"Invoice": document, "Problem": problem}
