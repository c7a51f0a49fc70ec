"""Access tokens: buy one with the API key, share it, renew it in time, one renewal at a time.

Keeps tokens only in memory; a store shared between processes is given from outside.
Source: REFERENCE section 3 (M2M, client credentials).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlencode

RENEW_BEFORE_SECONDS = 60
DOCUMENTED_LIFE_SECONDS = 3600


@dataclass(frozen=True)
class Environment:
    """One Procountor environment and our client registered there; shared by all tenants."""

    name: str
    base_url: str
    client_id: str
    client_secret: str = field(repr=False)
    redirect_uri: str
    connect_seconds: float = 10
    read_seconds: float = 30
    total_seconds: float = 60

    def __post_init__(self) -> None:
        object.__setattr__(self, "base_url", self.base_url.rstrip("/"))


@dataclass(frozen=True)
class AccessToken:
    """A bearer token and when it ends, in Unix seconds."""

    value: str = field(repr=False)
    expires_at: float

    def is_fresh(self) -> bool:
        """Whether it is still good for a request that takes its full time."""
        return self.expires_at - RENEW_BEFORE_SECONDS > time.time()


class TokenStore(Protocol):
    """Where the token of one tenant's credential is kept."""

    def get(self) -> AccessToken | None:
        """The kept token, fresh or not."""

    def put(self, token: AccessToken) -> None:
        """Keep `token` instead of any other."""

    def drop(self, token: AccessToken) -> None:
        """Forget `token`; a different, newer one stays."""

    def renewal(self) -> AbstractContextManager[None]:
        """Lets one renewer in at a time; the others wait and then find the token in get()."""


class MemoryTokenStore:
    """A store for the threads of one process."""

    def __init__(self) -> None:
        self._token: AccessToken | None = None
        self._guard = threading.Lock()
        self._renewing = threading.Lock()

    def get(self) -> AccessToken | None:
        with self._guard:
            return self._token

    def put(self, token: AccessToken) -> None:
        with self._guard:
            self._token = token

    def drop(self, token: AccessToken) -> None:
        with self._guard:
            if self._token == token:
                self._token = None

    @contextmanager
    def renewal(self) -> Iterator[None]:
        with self._renewing:
            yield


def token_form(environment: Environment, api_key: str) -> bytes:
    """The token request's body; secrets travel in the body, never in the URL."""
    fields = {
        "grant_type": "client_credentials",
        "client_id": environment.client_id,
        "client_secret": environment.client_secret,
        "redirect_uri": environment.redirect_uri,
        "api_key": api_key,
    }
    return urlencode(fields, errors="replace").encode("ascii")


def token_from(answer: object, asked_at: float) -> AccessToken | None:
    """The token in a 200 answer, or None when there is no usable one.

    `expires_in` is in seconds and counts from `asked_at`, when the request left.
    """
    if not isinstance(answer, dict):
        return None
    value = answer.get("access_token")
    # A value that cannot stand in a header would be shown by the library's own error.
    if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
        return None
    life = answer.get("expires_in", DOCUMENTED_LIFE_SECONDS)
    seconds = int(life) if str(life).isdecimal() else DOCUMENTED_LIFE_SECONDS
    return AccessToken(value, asked_at + seconds) if value else None
