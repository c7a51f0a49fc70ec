"""A file of at most 20 MB, read at once: its format, from the content, and every invoice."""

from __future__ import annotations

import codecs
import re

from invoices.intake.archive import read_zip
from invoices.intake.columns import ColumnMapping
from invoices.intake.en16931 import read_en16931, syntax_of
from invoices.intake.finvoice import read_finvoices
from invoices.intake.json_form import read_json
from invoices.intake.result import MAX_FILE_BYTES, ReadResult
from invoices.intake.table import is_xlsx, looks_like_csv, read_csv, read_xlsx
from invoices.intake.table.csv_form import decoded
from invoices.intake.values import problem
from invoices.intake.xml_split import Unparsable, as_ascii_compatible, masked, mentions, too_complex

_ROOT = re.compile(rb"<([A-Za-z_][\w.:-]{0,80})")
_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"


def read(content: bytes, *, name: str = "", mapping: ColumnMapping | None = None) -> ReadResult:
    """Every invoice in a file. Never raises, whatever the bytes; time and memory are bounded.

    `name` is the file's name, used for nothing but the words of a problem. `mapping` says what
    the columns of a table are, where their headings do not.
    """
    if len(content) > MAX_FILE_BYTES:
        return _refused("file_too_large", len(content), MAX_FILE_BYTES)
    columns = mapping or ColumnMapping()
    if not has_package_mark(content):
        return _read_text(content, name, columns)
    if is_xlsx(content):
        return read_xlsx(content, columns)
    return read_zip(content, lambda entry, inside: _read_entry(entry, inside, columns))


def has_package_mark(content: bytes) -> bool:
    """Whether it begins as a ZIP package does."""
    return content.startswith((_ZIP, _EMPTY_ZIP))


def _read_entry(content: bytes, name: str, columns: ColumnMapping) -> ReadResult:
    """A file inside a ZIP file; a ZIP file in it is not opened."""
    if not has_package_mark(content):
        return _read_text(content, name, columns)
    if is_xlsx(content):
        return read_xlsx(content, columns)
    return _refused("zip_nested", name)


def _read_text(content: bytes, name: str, columns: ColumnMapping) -> ReadResult:
    try:
        plain, encoding = as_ascii_compatible(content)
    except Unparsable as error:
        return ReadResult("unknown", (), (error.problem,))
    start = plain.lstrip()[:1]
    if not start:
        return _refused("file_empty", name)
    if start in (b"{", b"["):
        return _read_json(plain)
    if found := too_complex(plain):
        return ReadResult("unknown", (), (found,))
    markup = masked(plain)
    if mentions(markup, "Finvoice"):
        return read_finvoices(plain, encoding)
    if syntax := syntax_of(markup):
        return read_en16931(plain, encoding, syntax)
    text = decoded(plain) if start != b"<" else None
    if text is not None and looks_like_csv(text):
        return read_csv(text, columns)
    return _refused("format_unknown", root_of(plain) or name)


def root_of(plain: bytes) -> str:
    """The name of the first element of a file that begins with one, else ""."""
    root = _ROOT.search(plain) if plain.lstrip()[:1] == b"<" else None
    return root[1].decode("ascii", "replace") if root else ""


def _read_json(content: bytes) -> ReadResult:
    try:
        text = codecs.decode(content, "utf-8")
    except UnicodeDecodeError:
        return ReadResult("json", (), (problem("encoding_wrong", "", "UTF-8"),))
    return read_json(text)


def _refused(code: str, value: object = "", expected: object = "") -> ReadResult:
    return ReadResult("unknown", (), (problem(code, "", value, expected),))
