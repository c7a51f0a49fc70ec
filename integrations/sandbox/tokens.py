"""JWTs in the form of Procountor's API keys and access tokens (REFERENCE sections 3 and 4)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any


def signed_jwt(claims: dict[str, Any], signing_key: bytes) -> str:
    """An HS256 JWT over `claims`."""
    head = _segment({"typ": "JWT", "alg": "HS256"})
    signed = f"{head}.{_segment(claims)}"
    digest = hmac.new(signing_key, signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_base64(digest)}"


def _segment(value: dict[str, Any]) -> str:
    return _base64(json.dumps(value, separators=(",", ":")).encode())


def _base64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()
