"""What an API key says about itself, without any call, and what is wrong with that.

A key is a JWT whose signature we cannot verify: its claims are hints, and a key that does not
decode is accepted and left to the token request. Source: REFERENCE section 4.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# Zero-width and no-break characters that mail programs put inside what people copy.
_INVISIBLE = re.compile(r"[\s\u00a0\u00ad\u200b-\u200f\u2028\u2029\u202f\u2060\ufeff]+")

#: 31.12.9998 in Unix seconds: the last year cannot be shown in every time zone.
_LATEST = 253_370_764_800
_WORDS = {
    "iss": gettext_lazy("issued by %(value)s"),
    "aud": gettext_lazy("for the client id %(value)s"),
    "cid": gettext_lazy("company number %(value)s"),
    "sub": gettext_lazy("user number %(value)s"),
    "iat": gettext_lazy("made on %(value)s"),
}


class KeyRefused(ValueError):
    """An API key that must not be filed; the message tells what the customer must do."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class KeyClaims:
    """The claims of an API key; "" or None where the key does not carry one."""

    issuer: str = ""
    audience: str = ""
    subject: str = ""
    company_id: str = ""
    issued_at: dt.datetime | None = None
    key_id: str = ""

    def as_json(self) -> dict[str, str]:
        facts = {
            "iss": self.issuer,
            "aud": self.audience,
            "sub": self.subject,
            "cid": self.company_id,
            "iat": self.issued_at.isoformat() if self.issued_at else "",
            "jti": self.key_id,
        }
        return {name: value for name, value in facts.items() if value}


def clean(text: str) -> str:
    """The key as pasted, without the white space and invisible characters of its mail."""
    return _INVISIBLE.sub("", text)


def claims_of(api_key: str) -> KeyClaims | None:
    """Read the claims; None when the key is not a JWT we can decode."""
    parts = api_key.split(".")
    if len(parts) != 3:
        return None
    claims = decoded(parts[1])
    if claims is None:
        return None
    return KeyClaims(
        issuer=_word(claims.get("iss")),
        audience=_word(claims.get("aud")),
        subject=_word(claims.get("sub")),
        company_id=_word(claims.get("cid")),
        issued_at=_moment(claims.get("iat")),
        key_id=_word(claims.get("jti")),
    )


def decoded(part: str) -> dict[str, Any] | None:
    """The JSON object in one part of a JWT; None when there is none."""
    try:
        padded = part + "=" * (-len(part) % 4)
        value = json.loads(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _word(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, (str, int)) or isinstance(value, bool):
        return ""
    # No database keeps every character that JSON can write: NUL, halves of pairs.
    return "".join(filter(str.isprintable, str(value)))[:200]


def _moment(value: Any) -> dt.datetime | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value < _LATEST:
        return None
    try:
        return dt.datetime.fromtimestamp(value, tz=dt.UTC)
    except (ValueError, OverflowError, OSError):
        return None


def check_claims(api_key: str, environment: str) -> KeyClaims | None:
    """Read the claims and refuse a key that cannot work in `environment` for our client.

    Raises KeyRefused (codes `empty`, `wrong_environment`, `wrong_client`) with a sentence that
    says what the customer must do.
    """
    if not api_key:
        raise KeyRefused("empty", _("The API key is empty. Ask the customer to send it again."))
    claims = claims_of(api_key)
    if claims is None:
        return None
    ours = settings.PROCOUNTOR[environment]
    other = "production" if environment == "test" else "test"
    issuer = _host(claims.issuer)
    if issuer and issuer == _host(settings.PROCOUNTOR[other]["key_issuer"]) != _host(
        ours["key_issuer"]
    ):
        raise KeyRefused(
            "wrong_environment",
            _(
                "The key was made in Procountor's %(found)s environment (%(issuer)s), and this "
                "tenant is in %(wanted)s. The customer must make a new API key in the "
                "%(wanted)s environment, or the tenant must be filed there."
            )
            % {
                "found": _environment_name(other),
                "wanted": _environment_name(environment),
                "issuer": issuer,
            },
        )
    if claims.audience and claims.audience != ours["client_id"]:
        raise KeyRefused(
            "wrong_client",
            _(
                "The key was made for client id “%(found)s”, not for “%(wanted)s”. The customer "
                "must make a new API key in Procountor and enter the client id %(wanted)s."
            )
            % {"found": claims.audience, "wanted": ours["client_id"]},
        )
    return claims


def in_words(claims: dict[str, str]) -> list[str]:
    """The kept claims of a key (`KeyClaims.as_json`) in words, in the active language."""
    said = dict(claims)
    if "iat" in said:
        moment = dt.datetime.fromisoformat(said["iat"])
        said["iat"] = date_format(localtime(moment), "SHORT_DATE_FORMAT")
    return [str(text) % {"value": said[name]} for name, text in _WORDS.items() if name in said]


def environment_of(claims: KeyClaims | None) -> str:
    """The environment a key was made in, by its issuer. Where it does not say: production, or
    test where only that is set up here."""
    issuer = _host(claims.issuer) if claims else ""
    for name, config in settings.PROCOUNTOR.items():
        if issuer and issuer == _host(config["key_issuer"]):
            return str(name)
    has_production = bool(settings.PROCOUNTOR["production"]["client_secret"])
    return "production" if has_production else "test"


def _environment_name(environment: str) -> str:
    return _("production") if environment == "production" else _("test")


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or url).lower()
    except ValueError:  # such as "https://[x"
        return url.lower()
