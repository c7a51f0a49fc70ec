"""The reference as a page for people: the same facts as openapi.json, from our own files only."""

from __future__ import annotations

from typing import Any

import simplejson
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from invoices.api.bodies import MAX_BATCH
from invoices.api.language import LANGUAGES
from invoices.api.problem_types import TYPES
from invoices.webhook_models import KINDS

_POLICY = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'"
_NAMES = {"en": "English", "fi": "Suomi", "sv": "Svenska"}


def page(request: HttpRequest, specification: dict[str, Any]) -> HttpResponse:
    """The page in the language of `?lang=`, else in the one the request likes best."""
    asked = request.GET.get("lang", "")
    language = asked if asked in LANGUAGES else translation.get_language() or LANGUAGES[0]
    schemas = specification["components"]["schemas"]
    with translation.override(language):
        context = {
            "language": language,
            "languages": [(code, _NAMES[code]) for code in LANGUAGES],
            "address": request.build_absolute_uri("/api/v1").rstrip("/"),
            "operations": list(_operations(specification)),
            "problems": [(kind, known) for kind, known in TYPES.items()],
            "schemas": [_schema(name, schemas[name]) for name in sorted(schemas)],
            "kinds": KINDS.items(),
            "most": MAX_BATCH,
            "per_minute": settings.API_REQUESTS_PER_MINUTE,
            "limit": f"{settings.API_MAX_BODY_BYTES:,}".replace(",", "\u00a0"),
            "hours": settings.API_ANSWER_HOURS,
            "seconds": f"{settings.WEBHOOK_TIMEOUT_SECONDS:g}",
        }
        response = render(request, "api/docs.html", context)
    response["Content-Language"] = language
    response["Content-Security-Policy"] = _POLICY
    return response


def _operations(specification: dict[str, Any]) -> Any:
    for path, methods in specification["paths"].items():
        for method, operation in methods.items():
            body = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
            yield {
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "about": operation.get("description", "").replace("`", ""),
                "parameters": operation.get("parameters", []),
                "example": _pretty(body["example"]) if "example" in body else "",
                "answers": [
                    (status, told.get("description", ""))
                    for status, told in operation["responses"].items()
                ],
            }


def _schema(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    required = set(schema.get("required", ()))
    fields = [
        (field, _kind_of(known), field in required, _plain(known))
        for field, known in schema.get("properties", {}).items()
    ]
    if not fields:
        fields = [("", _kind_of(schema), False, "")]
    return {"name": name, "about": _plain(schema), "fields": fields}


def _plain(schema: dict[str, Any]) -> str:
    return str(schema.get("description", "")).replace("`", "")


def _kind_of(schema: dict[str, Any]) -> str:
    """A field's type in a few words."""
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    if "enum" in schema or "const" in schema:
        return " | ".join(str(value) for value in schema.get("enum", [schema.get("const")]))
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_kind_of(each) for each in schema["anyOf"]))
    kind = str(schema.get("format") or schema.get("type", ""))
    if kind == "array":
        return f"[{_kind_of(schema.get('items', {}))}]"
    limits = [f"≤ {schema[key]}" for key in ("maxLength", "maximum") if key in schema]
    return " ".join([kind, *limits])


def _pretty(example: Any) -> str:
    return str(simplejson.dumps(example, indent=2, ensure_ascii=False))
