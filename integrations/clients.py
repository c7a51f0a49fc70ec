"""client_for(tenant): the one place where a model meets the HTTP client.

Access tokens are shared between processes through Django's cache, sealed for the credential
they were bought with; one process renews at a time.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from functools import partial

from django.conf import settings
from django.core.cache import cache

from integrations import key_uses, limits
from integrations.custody import open_api_key
from integrations.key_use_models import KeyUse
from integrations.models import Credential, Tenant
from integrations.procountor import (
    AccessToken,
    Environment,
    IntegratorClient,
    ProcountorClient,
    TokenStore,
    pooled_session,
)
from integrations.secrets import Sealed, SecretUnreadable, seal


class CredentialMissing(Exception):
    """The tenant has no active credential."""


class IntegratorKeyMissing(Exception):
    """The API key of our own company is not set for this environment."""


def environment_of(name: str) -> Environment:
    """The settings of one Procountor environment, as the client wants them."""
    config = settings.PROCOUNTOR[name]
    return Environment(
        name=name,
        base_url=config["base_url"],
        client_id=config["client_id"],
        client_secret=config["client_secret"],
        redirect_uri=config["redirect_uri"],
        connect_seconds=settings.PROCOUNTOR_CONNECT_TIMEOUT_SECONDS,
        read_seconds=settings.PROCOUNTOR_READ_TIMEOUT_SECONDS,
        total_seconds=settings.PROCOUNTOR_TOTAL_TIMEOUT_SECONDS,
    )


def client_for(
    tenant: Tenant,
    credential: Credential | None = None,
    *,
    on_rate_limit: Callable[[], None] | None = None,
    in_no_hurry: bool = False,
) -> ProcountorClient:
    """A client that acts for `tenant`; `on_rate_limit` hears that Procountor wants us slower.

    One `in_no_hurry` takes only turns of the speed limit that nobody else wants. A client may be
    used by several threads, for as long as the credential is the active one. Raises
    CredentialMissing.
    """
    credential = credential or tenant.active_credential
    if credential is None:
        raise CredentialMissing(f"Tenant {tenant.pk} has no active credential.")
    return client_with(
        tenant.environment,
        partial(_opened, credential),
        tokens=CachedTokens(credential),
        on_rate_limit=on_rate_limit,
        in_no_hurry=in_no_hurry,
    )


def _opened(credential: Credential) -> str:
    """The key for one token request."""
    api_key = open_api_key(credential)
    key_uses.note(credential, KeyUse.Kind.TOKEN)
    return api_key


def client_with(
    name: str,
    api_key: Callable[[], str],
    *,
    tokens: TokenStore | None = None,
    on_rate_limit: Callable[[], None] | None = None,
    in_no_hurry: bool = False,
) -> ProcountorClient:
    """A client of environment `name` for a key that is nobody's yet; its access tokens are kept
    in memory only, unless `tokens` are given."""
    return ProcountorClient(
        environment_of(name),
        api_key,
        tokens=tokens,
        session=pooled_session(),
        before_request=partial(
            limits.wait_for_spare_turn if in_no_hurry else limits.wait_for_turn, name
        ),
        on_rate_limit=partial(_slow_down, name, on_rate_limit),
    )


def integrator_for(name: str) -> IntegratorClient:
    """A client of environment `name` that acts for our own company, which owns the integration.

    Raises IntegratorKeyMissing.
    """
    api_key = settings.PROCOUNTOR[name]["integrator_api_key"]
    if not api_key:
        raise IntegratorKeyMissing(f"PROCOUNTOR_{name.upper()}_INTEGRATOR_API_KEY is not set.")
    return IntegratorClient(
        environment_of(name),
        api_key,
        session=pooled_session(),
        before_request=partial(limits.wait_for_turn, name),
        on_rate_limit=partial(_slow_down, name, None),
    )


def _slow_down(name: str, tell: Callable[[], None] | None, seconds: float) -> None:
    if tell is not None:
        tell()
    limits.hold_back(name, seconds)


def forget_tokens(tenant: Tenant) -> None:
    """Drop the access tokens bought with any key of `tenant` from the shared cache."""
    for credential in tenant.credentials.select_related("tenant"):
        CachedTokens(credential).forget()


class CachedTokens:
    """Access tokens of one credential in the shared cache, encrypted; the one in use is kept in
    memory too, so that a request does not ask the cache."""

    def __init__(self, credential: Credential) -> None:
        self._at_hand: AccessToken | None = None
        # The environment's address and client are part of the key: a token of the sandbox
        # must never be offered to the real server after a change of settings.
        config = settings.PROCOUNTOR[credential.tenant.environment]
        self._owner = f"{credential.fingerprint[:32]}@{config['base_url']}/{config['client_id']}"
        self._key = f"access-token:{credential.pk}"

    def get(self) -> AccessToken | None:
        token = self._at_hand
        if token is None or not token.is_fresh():
            token = self._at_hand = self._shared()
        return token

    def _shared(self) -> AccessToken | None:
        sealed = cache.get(self._key)
        if sealed is None:
            return None
        try:
            content = json.loads(Sealed(sealed).open(self._owner))
        except SecretUnreadable:
            return None
        return AccessToken(content["value"], content["expires_at"])

    def put(self, token: AccessToken) -> None:
        content = json.dumps({"value": token.value, "expires_at": token.expires_at})
        lifetime_seconds = max(1, int(token.expires_at - time.time()))
        cache.set(self._key, seal(content, self._owner).token, lifetime_seconds)
        self._at_hand = token

    def drop(self, token: AccessToken) -> None:
        if self._at_hand == token:
            self._at_hand = None
        current = self._shared()
        if current is not None and current.value == token.value:
            cache.delete(self._key)

    def forget(self) -> None:
        """Drop whatever token there is."""
        self._at_hand = None
        cache.delete(self._key)

    @contextlib.contextmanager
    def renewal(self) -> Iterator[None]:
        """One renewer at a time; the others wait, then find the new token in the cache."""
        lock = f"{self._key}:renewal"
        longest_seconds = settings.PROCOUNTOR_TOTAL_TIMEOUT_SECONDS
        deadline = time.monotonic() + longest_seconds
        while not cache.add(lock, 1, longest_seconds) and time.monotonic() < deadline:
            time.sleep(0.05)
        try:
            yield
        finally:
            cache.delete(lock)
