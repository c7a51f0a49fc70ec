"""The signature of a webhook: base64 of the HMAC-SHA256 of the body, the same for both shops."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable


def signature_of(secret: str, body: bytes) -> str:
    return base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()


def is_signed(body: bytes, given: str, secrets: Iterable[str]) -> bool:
    """Whether one of `secrets` made the signature. Takes as long whichever does, or none."""
    found = False
    for secret in secrets:
        own = signature_of(secret, body).encode()
        found |= hmac.compare_digest(own, given.strip().encode("utf-8", "replace"))
    return found
