"""The only module that sees API keys in clear: sealing, opening, fingerprints.

An API key is sealed for one tenant: the tenant's number travels inside the ciphertext, so a
ciphertext copied to another tenant's row is refused when opened. A loaded value stays sealed
until `open()` is called; printing, dumping or templating it shows nothing.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ValidationError
from fernet_fields import EncryptedTextField

_MASK = "••••••••"


class SecretUnreadable(Exception):
    """The sealed value cannot be opened: wrong FERNET_KEYS, damaged, or sealed for another."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.FERNET_KEYS])


class Sealed:
    """An encrypted secret. `open(owner)` is the only way to its content."""

    __slots__ = ("token",)

    def __init__(self, token: bytes) -> None:
        self.token = token

    def __str__(self) -> str:
        return _MASK

    __repr__ = __str__

    def __len__(self) -> int:
        return len(_MASK)

    def open(self, owner: int | str) -> str:
        """The secret in clear. Raises SecretUnreadable when it was sealed for another owner."""
        try:
            content = _box().decrypt(self.token).decode()
        except InvalidToken:
            raise SecretUnreadable("No key of FERNET_KEYS opens this secret.") from None
        sealed_for, separator, secret = content.partition("\n")
        if not separator or sealed_for != str(owner):
            raise SecretUnreadable("This secret was sealed for another tenant.")
        return secret

    def resealed(self) -> Sealed:
        """The same secret under the newest key, without opening it for anyone. Raises
        SecretUnreadable."""
        try:
            return Sealed(_box().rotate(self.token))
        except InvalidToken:
            raise SecretUnreadable("No key of FERNET_KEYS opens this secret.") from None


def seal(secret: str, owner: int | str) -> Sealed:
    """Encrypt `secret` for `owner` under the first of FERNET_KEYS."""
    return Sealed(_box().encrypt(f"{owner}\n{secret}".encode()))


def fingerprint(secret: str) -> str:
    """HMAC-SHA256 (hex) under FINGERPRINT_KEY: tells equal keys apart without holding them."""
    key = settings.FINGERPRINT_KEY.encode()
    return hmac.new(key, secret.encode(), hashlib.sha256).hexdigest()


class SealedField(EncryptedTextField):  # type: ignore[misc]  # the library is untyped
    """Holds a `Sealed`. Everything else is refused, in bulk writes too.

    The library's own field encrypts the text of an SQL expression and reports success
    (`bulk_update`, `update(F(...))`), which destroys keys; here those raise TypeError.
    """

    def get_db_prep_save(self, value: Any, connection: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, Sealed):
            raise TypeError(f"{self.name} takes a sealed value only, one row at a time.")
        return connection.Database.Binary(value.token)

    def get_db_prep_value(self, value: Any, connection: Any, prepared: bool = False) -> Any:
        return self.get_db_prep_save(value, connection)

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(bytes(value))

    def to_python(self, value: Any) -> Sealed | None:
        if value is None or isinstance(value, Sealed):
            return value
        raise ValidationError("A sealed value cannot be made from text.")

    def value_to_string(self, obj: Any) -> str:
        return _MASK
