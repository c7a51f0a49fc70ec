"""PDFs embedded in an EN 16931 invoice (BG-24). Links are not followed."""

from __future__ import annotations

import base64
import binascii

from invoices import pdf
from invoices.intake.attached import MAX_ATTACHMENTS
from invoices.intake.en16931.node import EnNode
from invoices.intake.en16931.syntax import Syntax


def attachments_of(invoice: EnNode, syntax: Syntax) -> tuple[pdf.Pdf, ...]:
    """The PDFs that can go with the invoice. Other files and links are left out with a warning:
    they support the invoice and change nothing in it. Damaged ones are errors."""
    paths = syntax.attachment
    taken: dict[str, pdf.Pdf] = {}
    for node in invoice.children(paths.at):
        if link := node.text(paths.link):
            node.log.warn("attachment_left_out", node.place(paths.link), link)
        found = node.element.find(paths.content)
        one = _pdf(node, found.text or "", paths.content) if found is not None else None
        if one is None:
            continue
        if one.name.casefold() in taken:
            node.log.error("attachment_twice", node.place(paths.content), one.name)
        taken.setdefault(one.name.casefold(), one)
    if len(taken) > MAX_ATTACHMENTS:
        invoice.log.error("attachments_too_many", paths.at, len(taken), MAX_ATTACHMENTS)
    return tuple(taken.values())


def _pdf(node: EnNode, text: str, path: str) -> pdf.Pdf | None:
    place, name = node.place(path), node.attribute(path, "filename")
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        node.log.error("attachment_base64", place)
        return None
    if not content.startswith(b"%PDF-"):
        node.log.warn("attachment_left_out", place, name or node.attribute(path, "mimeCode"))
        return None
    checked, problems = pdf.checked(name or "attachment.pdf", content, place)
    node.log.errors += problems
    return checked
