"""What a payload depends on besides its document, as a digest.

A payload made earlier is still what mapping would make now when the digest is the same: the
tenant's settings, what is known of its company, this package's own code and the libraries it
asks are all in it. Open periods are not, because they are no part of a payload.
"""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import simplejson

from invoices.mapping.base import ExportSettings, ReferenceData

_PACKAGE = Path(__file__).parent
_LIBRARIES = ("pydantic", "python-stdnum", "simplejson")


def basis_of(settings: ExportSettings, reference: ReferenceData) -> str:
    """Hexadecimal SHA-256; equal for two calls only when any document maps to equal bytes."""
    known = [reference.vat_percents, reference.vat_statuses, reference.active_accounts]
    facts: list[Any] = [_code(), vars(settings), [None if k is None else sorted(k) for k in known]]
    return hashlib.sha256(
        simplejson.dumps(facts, use_decimal=True, sort_keys=True, default=str).encode()
    ).hexdigest()


@cache
def _code() -> str:
    """A digest of the code that maps, so that no upgrade can leave an old payload behind."""
    sources = [*sorted(_PACKAGE.glob("*.py")), _PACKAGE.parent / "document.py"]
    code = hashlib.sha256()
    for source in sources:
        code.update(source.read_bytes())
    for library in _LIBRARIES:
        code.update(f"{library} {version(library)}\n".encode())
    return code.hexdigest()
