"""Requests to a shop: to public addresses only, over TLS, bounded in time and size, never sent on.

Nothing here writes to a shop. Settings for tests and the demo allow addresses of this machine.
"""

from __future__ import annotations

import re
import socket
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from django.conf import settings
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError
from urllib3.util.connection import create_connection

from invoices.public_addresses import is_public

ANSWER_LIMIT_BYTES = 20_000_000
CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 10.0, 30.0, 60.0
_PIECE_BYTES = 65_536
_LONGEST_WAIT_SECONDS = 3600
_USED_UP = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]{0,190}[a-z0-9])?")


class AskFailed(Exception):
    """`code` is one of `causes`; `detail` never has a secret in it. `retry_after` in seconds is
    what the shop asked for."""

    def __init__(self, code: str, detail: str = "", retry_after: float = 0.0) -> None:
        super().__init__(code, detail)
        self.code, self.detail, self.retry_after = code, detail[:200], retry_after


@dataclass(frozen=True)
class Answer:
    """`wait_seconds`: how long to leave the shop alone, so that its own limit is not met."""

    text: str
    headers: Mapping[str, str]
    wait_seconds: float = 0.0


class _NotPublic(OSError):
    """The name leads to an address that is not public."""


def base_of(address: str) -> str:
    """The shop's address with its scheme and no slash at the end. Raises ValueError for what is no
    address of a shop: user names, queries, ports other than those of tests, no TLS."""
    given = address.strip()
    parts = urlsplit(given if "://" in given else f"https://{given}")
    local = settings.SHOPS_ALLOW_LOCAL
    host = (parts.hostname or "").lower()
    if parts.scheme != "https" and not (local and parts.scheme == "http"):
        raise ValueError("scheme")
    if not _HOST.fullmatch(host) or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("host")
    if "." not in host and not local:
        raise ValueError("host")
    port = f":{parts.port}" if parts.port and local else ""
    if parts.port and not local and parts.port != 443:
        raise ValueError("port")
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


def _public(host: str, port: int) -> list[str]:
    """The addresses of a name. Raises _NotPublic when one of them is none of the internet's: a
    name with both kinds is no shop."""
    found = {str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
    for address in found:
        if not (is_public(address) or settings.SHOPS_ALLOW_LOCAL):
            raise _NotPublic(address)
    return sorted(found)


class _Wires(threading.local):
    """The connection that this thread waits at."""

    sock: socket.socket | None = None


_wires = _Wires()


class _Checked(HTTPConnection):
    """Connects to an address that was looked at, so that the name cannot lead elsewhere later."""

    def connect(self) -> None:
        super().connect()
        _wires.sock = self.sock

    def _new_conn(self) -> socket.socket:
        addresses = _public(self._dns_host, self.port or 80)
        for left, address in enumerate(addresses, 1 - len(addresses)):
            try:
                return create_connection((address, self.port or 80), timeout=self.timeout)
            except OSError:
                if not left:
                    raise
        raise OSError("no address")


class _CheckedTls(HTTPSConnection):
    _new_conn = _Checked._new_conn

    def connect(self) -> None:
        super().connect()
        _wires.sock = self.sock


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Checked


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _CheckedTls


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class Asker:
    """One shop's requests during one turn; `with` closes its connection."""

    def __init__(
        self,
        base: str,
        *,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.base = base
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = auth
        self._session.headers.update({"Accept": "application/json", "User-Agent": "Flashnode"})
        self._session.headers.update(headers or {})
        self._session.mount("http://", _Adapter(max_retries=0))
        self._session.mount("https://", _Adapter(max_retries=0))

    def __enter__(self) -> Asker:
        return self

    def __exit__(self, *exc: object) -> None:
        self._session.close()
        _wires.sock = None

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Answer:
        """Raises AskFailed for everything but an answer of 200."""
        return self._ask("GET", path, params=dict(params or {}))

    def post(self, path: str, data: Mapping[str, str]) -> Answer:
        """For Shopify's access token, and nothing else. Raises AskFailed."""
        return self._ask("POST", path, data=dict(data))

    def _ask(self, method: str, path: str, **what: Any) -> Answer:
        end = time.monotonic() + TOTAL_SECONDS
        wires = _wires.__dict__
        # Time-outs of a socket start anew with every byte: this one does not.
        timer = threading.Timer(TOTAL_SECONDS, lambda: _shut(wires.get("sock")))
        timer.daemon = True
        timer.start()
        try:
            answer = self._session.request(
                method,
                f"{self.base}/{path}",
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                stream=True,
                **what,
            )
            with answer:
                _judge(answer)
                content = _read(answer)
        except requests.exceptions.SSLError as error:
            raise AskFailed("tls") from error
        except (requests.exceptions.Timeout, TimeoutError) as error:
            raise AskFailed("timeout") from error
        except (requests.exceptions.RequestException, HTTPError, OSError) as error:
            if time.monotonic() >= end:
                raise AskFailed("timeout") from error
            raise AskFailed("address" if _is_address(error) else "connection") from error
        finally:
            timer.cancel()
        try:
            text = content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise AskFailed("unreadable") from error
        return Answer(text, answer.headers, _wait_of(answer.headers))


def _is_address(error: BaseException | None) -> bool:
    """Whether the name led nowhere, or to an address that is not public."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, _NotPublic | socket.gaierror):
            return True
        inner = getattr(error, "reason", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        error = inner if isinstance(inner, BaseException) else error.__cause__ or error.__context__
        seen += 1
    return False


def _judge(answer: requests.Response) -> None:
    status = answer.status_code
    if status == 200:
        return
    detail = f"HTTP {status}"
    if 300 <= status < 400:
        raise AskFailed("redirect", detail)
    if status in (401, 403):
        raise AskFailed("unauthorized", detail)
    if status == 404:
        raise AskFailed("not_found", detail)
    retry = _retry_after(answer.headers)
    if status in (429, 430) or (status == 503 and retry):
        raise AskFailed("limited", detail, retry or 10.0)
    raise AskFailed("refused" if 400 <= status < 500 else "server", detail, retry)


def _retry_after(headers: Mapping[str, str]) -> float:
    given = headers.get("Retry-After", "")
    try:
        seconds = float(given)
    except ValueError:
        return 0.0
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS) if seconds == seconds else 0.0


def _wait_of(headers: Mapping[str, str]) -> float:
    """Shopify's bucket leaks twice a second and overflows at 40; others use it, too."""
    found = _USED_UP.fullmatch(headers.get("X-Shopify-Shop-Api-Call-Limit", ""))
    if found is None:
        return 0.0
    used, most = int(found[1]), int(found[2])
    return (used - most / 2) / 2 if used > most * 0.8 else 0.0


def _read(answer: requests.Response) -> bytes:
    """The whole body, or AskFailed for one that is too large or was cut off."""
    pieces: list[bytes] = []
    size = 0
    for piece in answer.iter_content(_PIECE_BYTES):
        size += len(piece)
        if size > ANSWER_LIMIT_BYTES:
            raise AskFailed("too_large")
        pieces.append(piece)
    stated = answer.headers.get("Content-Length", "")
    if stated.isdecimal() and not answer.headers.get("Content-Encoding") and size < int(stated):
        raise AskFailed("connection")
    return b"".join(pieces)


def _shut(sock: socket.socket | None) -> None:
    if sock is None:
        return
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
