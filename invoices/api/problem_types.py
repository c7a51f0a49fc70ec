"""Every kind of problem the API answers with: its status, and what it means. A closed list; the
reference page has a section for each, which the `type` of an answer leads to."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

DOCS = "/api/v1/docs"


@dataclass(frozen=True)
class ProblemType:
    """`meaning` is what happened, `next_step` what the source does about it."""

    status: int
    title: str | Promise
    meaning: str | Promise
    next_step: str | Promise


TYPES: dict[str, ProblemType] = {
    "body-unreadable": ProblemType(
        400,
        _("The body cannot be read"),
        _("What was sent is not JSON in UTF-8. It is kept, but no invoice was read from it."),
        _("Correct how the body is written. The place of the first error is told."),
    ),
    "idempotency-key-wrong": ProblemType(
        400,
        _("The Idempotency-Key cannot be used"),
        _("A key has 1 to 255 visible ASCII characters, without quotation marks inside."),
        _("Use a UUID for each request that is to take effect once."),
    ),
    "unauthorized": ProblemType(
        401,
        _("No valid token"),
        _("The request has no token, or it is unknown, revoked or past its end."),
        _("Send “Authorization: Bearer …” with a token that our support made for you."),
    ),
    "scope-missing": ProblemType(
        403,
        _("The token may not do this"),
        _("The token lacks the scope that this request needs."),
        _("Use a token with the scope, or ask our support for one."),
    ),
    "connection-ended": ProblemType(
        403,
        _("The connection has ended"),
        _("Nothing is taken in or told for a company whose connection has ended."),
        _("Ask our support to reopen the connection if it was ended by mistake."),
    ),
    "not-found": ProblemType(
        404,
        _("Not found"),
        _("There is no such address, or this company has no invoice of that number."),
        _("Check the address against the reference, and the number's form in it."),
    ),
    "method-not-allowed": ProblemType(
        405,
        _("The method is not allowed here"),
        _("The address exists, but not for this method."),
        _("Use one of the methods in the Allow header."),
    ),
    "not-acceptable": ProblemType(
        406,
        _("Only JSON is answered"),
        _("The Accept header admits neither application/json nor anything else we write."),
        _("Leave the header out, or accept application/json and application/problem+json."),
    ),
    "invoice-changed": ProblemType(
        409,
        _("The invoice was received before, with other content"),
        _("What was received first stays as it is. The differences are told."),
        _("If this one is right, credit the earlier one and give a new number."),
    ),
    "request-in-progress": ProblemType(
        409,
        _("The first request with this key is still under way"),
        _("Its answer is given to a repeat once there is one."),
        _("Repeat the request after the seconds in Retry-After."),
    ),
    "length-required": ProblemType(
        411,
        _("The length of the body is missing"),
        _("A body in chunks without a Content-Length is not read."),
        _("Send a Content-Length."),
    ),
    "body-too-large": ProblemType(
        413,
        _("The body is too large"),
        _("The body has more bytes than are read at once. Nothing of it was kept."),
        _("Post fewer invoices at once, or smaller PDFs."),
    ),
    "media-type-wrong": ProblemType(
        415,
        _("Only JSON is read"),
        _("The body has to be application/json in UTF-8, not compressed."),
        _("Send “Content-Type: application/json”."),
    ),
    "invoice-rejected": ProblemType(
        422,
        _("The invoice was not taken in"),
        _("Every error that was found is told, each with its field and what to do."),
        _("Correct the fields at the source and post the invoice again."),
    ),
    "parameters-wrong": ProblemType(
        422,
        _("A parameter cannot be used"),
        _("A parameter of the address is unknown or has a value that cannot be read."),
        _("Correct the parameters that are named."),
    ),
    "idempotency-key-reused": ProblemType(
        422,
        _("The Idempotency-Key was used for another request"),
        _("The same key came with another body or address before."),
        _("Use a new key for a new request."),
    ),
    "too-many-requests": ProblemType(
        429,
        _("Too many requests"),
        _("The token's allowance is used up; nothing was read or kept."),
        _("Repeat the request after the seconds in Retry-After."),
    ),
    "internal-error": ProblemType(
        500,
        _("Something went wrong on our side"),
        _("The error is in our log under the number in “instance”."),
        _("Repeat the request with the same Idempotency-Key; tell our support if it stays."),
    ),
    "busy": ProblemType(
        503,
        _("The database is busy"),
        _("Nothing of the request took effect."),
        _("Repeat the request after the seconds in Retry-After."),
    ),
}


def uri_of(kind: str) -> str:
    """The relative address of its section in the reference."""
    return f"{DOCS}#{kind}"
