"""POST and GET /attachments (REFERENCE section 16)."""

from __future__ import annotations

import mimetypes
from email.message import Message

from .books import now
from .call import Call
from .paging import Query, page_of
from .validation import blank, invalid, validate
from .wire import Answer, BadJson, Json, Refused, answer, error, loads, refused

LARGEST_FILE_BYTES = 10_000_000
FIRST_ID = 9001

Part = tuple[Message, bytes]


def add(call: Call) -> Answer:
    """POST /attachments, any status of the invoice (unknown whether Procountor minds)."""
    call.needs_right("sales.salesOrGroupInvoices")
    meta, content = _meta_and_file(call)
    errors = validate("Attachment", meta)
    if errors:
        raise Refused(400, errors)
    if len(content) > LARGEST_FILE_BYTES:
        raise refused(400, f"The file has more than {LARGEST_FILE_BYTES} bytes.")
    invoice = call.books.invoices.get(meta["referenceId"])
    if meta["referenceType"] != "INVOICE":
        raise Refused(400, [invalid("referenceType", "the sandbox keeps invoices only")])
    if invoice is None:
        raise Refused(400, [invalid("referenceId", "no such invoice")])
    attachment = {
        "id": FIRST_ID + len(call.books.attachments),
        "name": meta["name"],
        "referenceType": "INVOICE",
        "referenceId": invoice["id"],
        "mimeType": mimetypes.guess_type(meta["name"])[0] or "application/octet-stream",
        "sendWithInvoice": meta["sendWithInvoice"],
    }
    call.books.attachments[attachment["id"]] = (attachment, content, now())
    invoice["attachments"].append(attachment)
    return answer(attachment)


def search(call: Call) -> Answer:
    """GET /attachments; needs the paid Documents feature (status without it assumed)."""
    if not call.company.documents_enabled:
        raise refused(403, "Forbidden")
    query = Query(call.request.query)
    reference, name = query.integer("referenceId"), query.text("name")
    found = [
        {
            "attachmentId": attachment["id"],
            "name": attachment["name"],
            "size": len(content),
            "user": f"{call.company.name} API",
            "referenceId": attachment["referenceId"],
            "referenceType": attachment["referenceType"],
            "attached": attached,
        }
        for attachment, content, attached in call.books.attachments.values()
        if reference in (None, attachment["referenceId"]) and name in attachment["name"]
    ]
    return answer(page_of(found, query, id_name="attachmentId"))


def _meta_and_file(call: Call) -> tuple[Json, bytes]:
    parts = _parts(call.request.headers.get("content-type", ""), call.request.body)
    missing = [blank(name) for name in ("meta", "file") if name not in parts]
    if missing:
        raise Refused(400, missing)
    head, meta = parts["meta"]
    if head.get_content_type() != "application/json":
        raise Refused(400, [invalid("meta", "its content type is not application/json")])
    try:
        return loads(meta), parts["file"][1]
    except BadJson:
        raise Refused(400, [invalid("meta", "not JSON")]) from None


def _parts(content_type: str, body: bytes) -> dict[str, Part]:
    whole = Message()
    whole["Content-Type"] = content_type
    boundary = whole.get_boundary()
    if whole.get_content_type() != "multipart/form-data" or not boundary:
        raise refused(400, "The body is not multipart/form-data.")
    found: dict[str, Part] = {}
    pieces = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1", "replace"))
    for piece in pieces[1:]:
        if piece.startswith(b"--"):
            return found
        head, separator, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        part = _head(head)
        name = part.get_param("name", header="Content-Disposition")
        if separator and isinstance(name, str):
            found[name] = (part, content)
    raise Refused(400, [error("The multipart body is cut off.")])


def _head(head: bytes) -> Message:
    part = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        name, _colon, value = line.partition(":")
        part[name.strip()] = value.strip()
    return part
