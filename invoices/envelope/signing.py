"""The key that envelopes are signed with (Ed25519, RFC 8032)."""

from __future__ import annotations

import base64
import binascii
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

_SEED_BYTES = 32


class NoSigningKey(Exception):
    """EVIDENCE_SIGNING_KEY is not set, or holds no key. Its text says what to do."""


def new_key() -> str:
    """A new value for EVIDENCE_SIGNING_KEY: 32 random bytes, url-safe base64."""
    return base64.urlsafe_b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()


def signing_key() -> Ed25519PrivateKey:
    """The key of the settings. Raises NoSigningKey, which never quotes it."""
    value = settings.EVIDENCE_SIGNING_KEY
    if not value:
        raise NoSigningKey(
            "EVIDENCE_SIGNING_KEY is not set. Make one with: manage.py make_signing_key"
        )
    try:
        seed = base64.urlsafe_b64decode(value.encode())
    except (binascii.Error, ValueError):
        seed = b""
    if len(seed) != _SEED_BYTES:
        raise NoSigningKey(
            "EVIDENCE_SIGNING_KEY holds no key: it has to be 32 bytes in url-safe base64. "
            "Make one with: manage.py make_signing_key"
        )
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """The public half, to be handed to auditors."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def fingerprint(key: Ed25519PrivateKey) -> str:
    """SHA-256 of the raw public key: what an auditor compares by eye."""
    return hashlib.sha256(key.public_key().public_bytes_raw()).hexdigest()
