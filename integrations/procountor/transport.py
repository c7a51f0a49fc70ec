"""One HTTP exchange: send the request once, read the answer within bounds, or say what went wrong.

Owns the connection pool, the time and size limits and the judgement which failures happened
before anything was written. Knows nothing of invoices, tokens or what a status code means.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import requests
from requests import PreparedRequest
from requests import exceptions as rx
from requests.adapters import HTTPAdapter
from urllib3 import exceptions as ux
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.response import BaseHTTPResponse
from urllib3.response import HTTPResponse as PoolResponse
from urllib3.util import Timeout

from .auth import Environment
from .errors import NotSubmitted, OutcomeUnknown, ProcountorError

ANSWER_LIMIT_BYTES = 20_000_000
PIECE_BYTES = 65_536
POOL_HOSTS = 4
POOL_CONNECTIONS = 16

_TRANSPORT_ERRORS = (rx.RequestException, ux.HTTPError, http.client.HTTPException, OSError)


@dataclass(frozen=True)
class Answer:
    """A complete answer of any status; `content` is decoded from gzip but otherwise raw.

    `secrets` are those of the request, to be blotted out wherever the answer is shown.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)


@dataclass
class _Wire:
    """What is known about the exchange under way in this thread."""

    deadline: float
    watched: bool = False
    open: bool = False
    timer: threading.Timer | None = None

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.deadline

    def watch(self, sock: socket.socket) -> None:
        """Shut `sock` at the deadline, which ends whatever this thread waits for."""
        self.timer = threading.Timer(max(0.0, self.deadline - time.monotonic()), _shut, [sock])
        self.timer.daemon = True
        self.timer.start()

    def release(self) -> None:
        if self.timer is not None:
            self.timer.cancel()


class _Wires(threading.local):
    current: _Wire | None = None


_wires = _Wires()


class _Watched(HTTPConnection):
    """Notes the moment from which bytes may have been written, and ends a dripping answer.

    The read time-out of a socket starts anew with every byte, so it bounds nothing by itself.
    """

    def connect(self) -> None:
        super().connect()
        if _wires.current is not None:
            _wires.current.open = True

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None and _wires.current is not None:
            _wires.current.open = True
        super().request(*args, **kwargs)

    def getresponse(self) -> PoolResponse:  # type: ignore[override]
        wire = _wires.current
        if wire is not None and self.sock is not None:
            wire.watch(self.sock)
        return super().getresponse()


class _WatchedTLS(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Watched

    def urlopen(self, *args: Any, **kwargs: Any) -> BaseHTTPResponse:
        if _wires.current is not None:
            _wires.current.watched = True
        return super().urlopen(*args, **kwargs)


class _PoolTLS(_Pool, HTTPSConnectionPool):
    ConnectionCls = _WatchedTLS


class WatchedAdapter(HTTPAdapter):
    """An adapter that never retries and can prove when nothing was written."""

    def __init__(self) -> None:
        super().__init__(pool_connections=POOL_HOSTS, pool_maxsize=POOL_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}


def _shut(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # already closed, which is what was wanted


_pooled: tuple[int, requests.Session] | None = None


def pooled_session() -> requests.Session:
    """The session of this process, made anew after a fork: sockets must not be shared.

    It takes nothing from the environment (no proxies, no netrc) and never retries.
    """
    global _pooled
    if _pooled is None or _pooled[0] != os.getpid():
        session = requests.Session()
        session.trust_env = False
        for scheme in ("http://", "https://"):
            session.mount(scheme, WatchedAdapter())
        _pooled = (os.getpid(), session)
    return _pooled[1]


def refuse_retries(session: requests.Session, url: str) -> None:
    """Raise ValueError when the session would repeat requests by itself: it could book twice."""
    adapter = session.get_adapter(url)
    if isinstance(adapter, HTTPAdapter) and adapter.max_retries.total != 0:
        raise ValueError("the session must not retry: mount adapters with max_retries=0")


def exchange(
    session: requests.Session,
    request: requests.Request,
    environment: Environment,
    secrets: tuple[str, ...] = (),
) -> Answer:
    """Send `request` exactly once and return the whole answer, whatever its status.

    Follows no redirect, keeps no cookie (the session is shared by tenants), and ends after
    `environment.total_seconds` or 20 MB. Raises NotSubmitted when certainly nothing was
    processed, else OutcomeUnknown; neither is chained to the cause, which holds the request.
    """
    wire = _Wire(deadline=time.monotonic() + environment.total_seconds)
    path = request.url.removeprefix(environment.base_url).partition("?")[0]
    during = f"{request.method} {path}"
    _wires.current = wire
    failure: ProcountorError
    try:
        answer = _exchange(session, request.prepare(), environment, wire)
        return replace(answer, secrets=secrets)
    except ProcountorError as error:
        failure = type(error)(error.cause, during=during)
    except _TRANSPORT_ERRORS as error:
        failure = classify(error, wire, during)
    finally:
        wire.release()
        _wires.current = None
    # Raised here, outside the handler, so that no exception holding secrets hangs on it.
    raise failure


def _exchange(
    session: requests.Session, request: PreparedRequest, environment: Environment, wire: _Wire
) -> Answer:
    timeout: Any = Timeout(
        total=environment.total_seconds,
        connect=environment.connect_seconds,
        read=environment.read_seconds,
    )
    # The adapter itself, not Session.send: that one reads the body of a redirect without bounds.
    response = session.get_adapter(request.url or "").send(
        request,
        stream=True,
        timeout=timeout,
        verify=session.verify if session.verify is not None else True,
        cert=session.cert,
        proxies=dict(session.proxies),
    )
    try:
        content = _read(response.raw, wire)
    finally:
        response.close()
    return Answer(response.status_code, response.headers, content)


def _read(raw: BaseHTTPResponse, wire: _Wire) -> bytes:
    content = bytearray()
    while True:
        # read1 comes back after one receive; read would wait for the whole piece.
        piece = raw.read1(PIECE_BYTES, decode_content=True)
        if wire.is_over:  # also when the piece is empty: that may be our own shutting
            raise OutcomeUnknown("too_slow")
        if not piece:
            return bytes(content)
        content += piece
        if len(content) > ANSWER_LIMIT_BYTES:
            raise OutcomeUnknown("too_large")


def classify(error: BaseException, wire: _Wire | None, during: str = "") -> ProcountorError:
    """Our error for one of the HTTP library's: NotSubmitted only on proof, else OutcomeUnknown."""
    reason = _innermost(error)
    cause = _cause(error, reason)
    unwritten = wire is not None and wire.watched and not wire.open
    if unwritten or _is_local(error, reason) or _is_before_writing(reason):
        return NotSubmitted(cause, during=during)
    if wire is not None and wire.is_over:
        cause = "too_slow"
    return OutcomeUnknown(cause, during=during)


def _innermost(error: BaseException) -> BaseException:
    """The urllib3 reason inside the wrapping: requests' → MaxRetryError → reason."""
    while True:
        inner = getattr(error, "reason", None)
        if not isinstance(inner, BaseException):
            inner = error.args[0] if error.args else None
        if not isinstance(inner, BaseException) or isinstance(
            error, (ux.SSLError, ux.ProxyError, ux.NewConnectionError, ux.ProtocolError)
        ):
            return error
        error = inner


def _is_local(error: BaseException, reason: BaseException) -> bool:
    """Refused by the library before it opened or took a connection."""
    if isinstance(error, rx.InvalidHeader):
        # With a urllib3 reason inside it is the *answer's* header that was bad.
        return not isinstance(reason, ux.HTTPError)
    return isinstance(
        error, (rx.InvalidURL, rx.MissingSchema, rx.InvalidSchema, rx.URLRequired)
    ) or isinstance(reason, (ux.LocationValueError, ux.EmptyPoolError, ux.ClosedPoolError))


def _is_before_writing(reason: BaseException) -> bool:
    # A ConnectTimeout without its reason is still proof: requests makes it from nothing else.
    if isinstance(reason, (rx.ConnectTimeout, ux.ConnectTimeoutError, ux.NewConnectionError)):
        return True
    if isinstance(reason, ux.ProxyError):
        # urllib3 makes it of a reset after writing too, so only what it wraps is proof.
        wrapped = getattr(reason, "original_error", None)
        return isinstance(wrapped, (ux.ConnectTimeoutError, ux.NewConnectionError))
    if isinstance(reason, ux.SSLError) and reason.args:
        # Other TLS errors can also come after writing; a certificate is judged before.
        return isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, ssl.SSLCertVerificationError)


_CAUSES: tuple[tuple[type[BaseException], str], ...] = (
    (rx.ConnectTimeout, "connect_timeout"),
    (ux.NewConnectionError, "connect_error"),
    (ux.ConnectTimeoutError, "connect_timeout"),
    (rx.ReadTimeout, "read_timeout"),
    (ux.ReadTimeoutError, "read_timeout"),
    (ux.ProxyError, "proxy_error"),
    (rx.ProxyError, "proxy_error"),
    (ux.SSLError, "tls_error"),
    (rx.SSLError, "tls_error"),
    (ssl.SSLError, "tls_error"),
    (ux.IncompleteRead, "cut_off"),
    (rx.ContentDecodingError, "broken_answer"),
    (ux.DecodeError, "broken_answer"),
    (ux.ProtocolError, "reset"),
    (rx.ChunkedEncodingError, "cut_off"),
    (rx.InvalidHeader, "bad_header"),
    (rx.InvalidURL, "bad_url"),
    (rx.MissingSchema, "bad_url"),
    (rx.InvalidSchema, "bad_url"),
    (ux.LocationValueError, "bad_url"),
    (ux.PoolError, "pool_error"),
    (ConnectionError, "reset"),
    (rx.ConnectionError, "connection_error"),
)


def _cause(error: BaseException, reason: BaseException) -> str:
    if any(isinstance(item, http.client.IncompleteRead) for item in reason.args):
        return "cut_off"
    for seen in (error, reason) if isinstance(error, rx.ConnectTimeout) else (reason, error):
        for kind, cause in _CAUSES:
            if isinstance(seen, kind):
                return cause
    return "transport_error"
