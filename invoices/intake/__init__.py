"""From the bytes of a file to invoices, or to a list of what is wrong with them.

Pure: no database, no clock, no network. The format is recognised from the content, never from
the file's name. What the fields mean: README in this folder.
"""

from invoices.intake.columns import Column, ColumnMapping, DateOrder, DecimalMark
from invoices.intake.reading import Reading, reading
from invoices.intake.result import (
    FORMATS,
    MAX_FILE_BYTES,
    MAX_UPLOAD_BYTES,
    ReadItem,
    ReadResult,
)
from invoices.intake.whole import read

__all__ = [
    "FORMATS",
    "MAX_FILE_BYTES",
    "MAX_UPLOAD_BYTES",
    "Column",
    "ColumnMapping",
    "DateOrder",
    "DecimalMark",
    "ReadItem",
    "ReadResult",
    "Reading",
    "read",
    "reading",
]
