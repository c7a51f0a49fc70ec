"""From the bytes of a file to invoices, or to a list of what is wrong with them.

Pure: no database, no clock, no network. The format is recognised from the content, never from
the file's name. What the fields mean: README in this folder.
"""

from __future__ import annotations

import codecs
import re

from invoices.intake.finvoice import read_finvoices
from invoices.intake.finvoice.split import Unparsable, as_ascii_compatible, mentions_finvoice
from invoices.intake.json_form import read_json
from invoices.intake.result import FORMATS, MAX_FILE_BYTES, ReadItem, ReadResult
from invoices.intake.values import problem

__all__ = ["FORMATS", "MAX_FILE_BYTES", "ReadItem", "ReadResult", "read"]

_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]{0,80})")


def read(content: bytes, *, name: str = "") -> ReadResult:
    """Every invoice in a file. Never raises, whatever the bytes; time and memory are bounded.

    `name` is the file's name, used for nothing but the words of a problem.
    """
    if len(content) > MAX_FILE_BYTES:
        return _refused("file_too_large", len(content), MAX_FILE_BYTES)
    try:
        plain, encoding = as_ascii_compatible(content)
    except Unparsable as error:
        return ReadResult("unknown", (), (error.problem,))
    start = plain.lstrip()[:1]
    if not start:
        return _refused("file_empty", name)
    if start in (b"{", b"["):
        return _read_json(plain)
    if mentions_finvoice(plain):
        return read_finvoices(plain, encoding)
    root = _ROOT.search(plain) if start == b"<" else None
    return _refused("format_unknown", root[1].decode("ascii", "replace") if root else name)


def _read_json(content: bytes) -> ReadResult:
    try:
        text = codecs.decode(content, "utf-8")
    except UnicodeDecodeError:
        return ReadResult("json", (), (problem("encoding_wrong", "", "UTF-8"),))
    return read_json(text)


def _refused(code: str, value: object = "", expected: object = "") -> ReadResult:
    return ReadResult("unknown", (), (problem(code, "", value, expected),))
