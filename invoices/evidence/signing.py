"""The office's own signing key (Ed25519): what it signed, nobody without the key can have made.

The private key is a setting and never in the database, where the chains are.
"""

from __future__ import annotations

import base64
import hashlib

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from django.conf import settings


class NoSigningKey(Exception):
    """EVIDENCE_SIGNING_KEY is not set. Its text says what to do."""


def new_key() -> tuple[str, str]:
    """A new private key as the setting wants it, and its public key: 32 bytes each, base64."""
    key = Ed25519PrivateKey.generate()
    return _text(key.private_bytes_raw()), _text(key.public_key().public_bytes_raw())


def public_key() -> str | None:
    """The public key of the configured key, 32 bytes in base64; None without one."""
    if not settings.EVIDENCE_SIGNING_KEY:
        return None
    return _text(_key().public_key().public_bytes_raw())


def public_pem() -> bytes:
    """The public key as the file that an auditor's programs read. Raises NoSigningKey."""
    return pem_of(_text(_checked().public_key().public_bytes_raw()))


def pem_of(public: str) -> bytes:
    """A public key (32 bytes in base64) as such a file."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public))
    return key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def fingerprint() -> str:
    """SHA-256 of the 32 bytes of the public key, in hex: what people compare. Raises
    NoSigningKey."""
    return hashlib.sha256(_checked().public_key().public_bytes_raw()).hexdigest()


def sign(content: bytes) -> bytes:
    """The Ed25519 signature (64 bytes) of `content`. Raises NoSigningKey."""
    return _checked().sign(content)


def verify(public: str, signature: bytes, content: bytes) -> None:
    """Raises cryptography's InvalidSignature when it is not that key's signature of `content`."""
    Ed25519PublicKey.from_public_bytes(base64.b64decode(public)).verify(signature, content)


def _checked() -> Ed25519PrivateKey:
    if not settings.EVIDENCE_SIGNING_KEY:
        raise NoSigningKey(
            "EVIDENCE_SIGNING_KEY is not set. Make one with: manage.py make_signing_key"
        )
    return _key()


def _key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(base64.b64decode(settings.EVIDENCE_SIGNING_KEY))


def _text(key: bytes) -> str:
    return base64.b64encode(key).decode()
