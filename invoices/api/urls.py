"""Addresses of the API, /api/v1/…: the views, and the door before each."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, include, path, re_path
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from invoices.api import docs, reading, receiving, reference, shapes
from invoices.api.door import door, may_read, may_write, not_found
from invoices.api.limits import TokenThrottle
from invoices.api.problems import answer

app_name = "api"


def _leave_it_to_the_door(request: HttpRequest, error: Any) -> HttpResponse:
    """Not to the library, which would answer with a traceback while DEBUG is on."""
    raise error


api = NinjaAPI(
    title="Flashnode",
    version="1",
    description=(
        "Sales invoices in, what became of them in Procountor out. Figures are texts with a "
        "decimal point, moments RFC 3339; every error is a problem (RFC 9457) in the language "
        "that Accept-Language asks for (en, fi, sv)."
    ),
    urls_namespace="api",
    openapi_url=None,
    docs_url=None,
    throttle=TokenThrottle(),
)
for kind in (Exception, Http404, HttpError, ValidationError):
    api.add_exception_handler(kind, _leave_it_to_the_door)


@api.post(
    "/invoices",
    auth=may_write,
    response={201: shapes.Receipt, 200: shapes.Receipt},
    openapi_extra=reference.posting(batch=False),
    url_name="invoices",
    operation_id="postInvoice",
    summary="Take in one invoice",
)
def post_invoice(request: HttpRequest) -> HttpResponse:
    """201: taken in. 200: it was taken in before with the same content; the body is the same.
    409: it was taken in before with other content, which stays; `differences` tells them."""
    return receiving.receive(request, _token(request), batch=False)


@api.post(
    "/invoices/batch",
    auth=may_write,
    response={200: shapes.BatchAnswer},
    openapi_extra=reference.posting(batch=True),
    url_name="batch",
    operation_id="postInvoices",
    summary="Take in up to 500 invoices",
)
def post_invoices(request: HttpRequest) -> HttpResponse:
    """Each invoice is taken in or refused by itself; `results` has one entry for each, in the
    order sent."""
    return receiving.receive(request, _token(request), batch=True)


@api.get(
    "/invoices/{path:address}",
    auth=may_read,
    response={200: shapes.InvoiceShown},
    openapi_extra={"responses": reference.problem_answers("not-found")},
    url_name="invoice",
    operation_id="getInvoice",
    summary="One invoice as we have it, and its export",
)
def get_invoice(request: HttpRequest, address: str) -> HttpResponse:
    """The address is the number where that is letters, digits, `_`, `-` and `.` and begins with a
    letter or digit; otherwise `~` and the number's UTF-8 in base64url without padding. `href` in
    answers has it ready."""
    return reading.invoice(_token(request), address)


@api.get(
    "/exports",
    auth=may_read,
    response={200: shapes.ExportPage},
    openapi_extra=reference.reading_exports(),
    url_name="exports",
    operation_id="getExports",
    summary="Exports, page by page",
)
def get_exports(request: HttpRequest) -> HttpResponse:
    """In the order they were made: nothing is lost or repeated while rows change. To follow
    changes, begin the next walk with `changed_since` = `as_of` of the last one; it lies a minute
    back, so that the same export may come in both."""
    return reading.exports(request, _token(request))


def _token(request: HttpRequest) -> Any:
    return request.auth  # type: ignore[attr-defined]


def specification() -> dict[str, Any]:
    """The whole reference for programs."""
    found: dict[str, Any] = dict(api.get_openapi_schema(path_prefix="/api/v1/"))
    found["components"]["schemas"] |= reference.invoice_schemas()
    return found


def openapi(request: HttpRequest) -> HttpResponse:
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    return answer(specification())


def reference_page(request: HttpRequest) -> HttpResponse:
    if request.method != "GET":
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    return docs.page(request, specification())


def _behind_the_door() -> list[URLPattern]:
    patterns, _app, _namespace = api.urls
    return [
        URLPattern(found.pattern, door(found.callback), name=found.name)
        for found in patterns
        if isinstance(found, URLPattern) and found.name != "api-root"
    ]


urlpatterns = [
    path("v1/openapi.json", door(openapi), name="openapi"),
    path("v1/docs", door(reference_page, is_page=True), name="docs"),
    path("v1/", include(_behind_the_door())),
    # A dot is no line break, which an address may hold.
    re_path(r"^[\s\S]*$", door(not_found)),
]
