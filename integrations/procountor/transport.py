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
#: At least as many as one process keeps requests under way: one that finds no free connection
#: opens another and closes it after.
POOL_CONNECTIONS = 128
#: How exactly the end of an exchange's time is kept.
GUARD_SECONDS = 0.1

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


@dataclass(eq=False)
class _Wire:
    """What is known about the exchange under way in this thread."""

    deadline: float
    leave_by: float = float("inf")
    watched: bool = False
    open: bool = False
    written: bool = False
    sock: socket.socket | None = None

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self.deadline

    def watch(self, sock: socket.socket) -> None:
        """Shut `sock` at the deadline, which ends whatever this thread waits for."""
        self.sock = sock
        _guard.add(self)

    def release(self) -> None:
        _guard.remove(self)


class _Guard:
    """Shuts the sockets of exchanges whose time is over: one thread for all of them, because a
    timer for each would cost a thread for each."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._wires: set[_Wire] = set()
        self._pid = 0

    def add(self, wire: _Wire) -> None:
        with self._lock:
            if self._pid != os.getpid():
                # After a fork there is no thread, and the wires are the parent's.
                self._wires, self._pid = set(), os.getpid()
                threading.Thread(target=self._look, daemon=True, name="guard").start()
            self._wires.add(wire)

    def remove(self, wire: _Wire) -> None:
        with self._lock:
            self._wires.discard(wire)

    def _look(self) -> None:
        while True:
            time.sleep(GUARD_SECONDS)
            with self._lock:
                # Under the lock: a socket given back to the pool is not ours to shut any more.
                for wire in [wire for wire in self._wires if wire.is_over]:
                    self._wires.discard(wire)
                    if wire.sock is not None:
                        _shut(wire.sock)


_guard = _Guard()


class _Wires(threading.local):
    current: _Wire | None = None


_wires = _Wires()


class _TooLate(ux.HTTPError):
    """No more is written: nothing at all, or not the whole request."""


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

    def send(self, data: Any) -> None:
        wire = _wires.current
        if wire is not None and self.sock is not None:
            if now() > wire.leave_by:
                # Before each piece and not earlier, because a process may be stopped anywhere;
                # a request that is not complete takes no effect.
                raise _TooLate("the time to leave has passed")
            wire.written = True
        super().send(data)

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
    """An adapter that never retries and can prove when nothing was written.

    What the library works out anew for each request (which pool, which form of the address,
    which cookies) is a fifth of a request's processor time: one process talks to a handful of
    hosts, through no proxy, and keeps no cookie.
    """

    def __init__(self) -> None:
        self._pools: dict[Any, Any] = {}
        super().__init__(pool_connections=POOL_HOSTS, pool_maxsize=POOL_CONNECTIONS, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _PoolTLS}

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        ask = super().get_connection_with_tls_context
        if proxies:
            return ask(request, verify, proxies=proxies, cert=cert)
        key = (*(request.url or "").split("/", 3)[:3], verify, cert)
        pool = self._pools.get(key)
        if pool is None or pool.pool is None:  # the manager closes one that it lets go
            if len(self._pools) >= POOL_HOSTS:
                self._pools.clear()
            pool = self._pools[key] = ask(request, verify, cert=cert)
        return pool

    def request_url(self, request: PreparedRequest, proxies: Any) -> str:
        return super().request_url(request, proxies) if proxies else request.path_url

    def build_response(self, req: PreparedRequest, resp: Any) -> requests.Response:
        response = requests.Response()
        response.status_code, response.headers, response.raw = resp.status, resp.headers, resp
        return response

    def close(self) -> None:
        self._pools.clear()
        super().close()


def now() -> float:
    """A clock that no one sets and that goes on while the machine sleeps, in seconds."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


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
    leave_by: float = float("inf"),
) -> Answer:
    """Send `request` exactly once and return the whole answer, whatever its status.

    After `leave_by`, by `now()`, not a byte is written any more: NotSubmitted("too_late").

    Follows no redirect, keeps no cookie (the session is shared by tenants), and ends after
    `environment.total_seconds` or 20 MB. Raises NotSubmitted when certainly nothing was
    processed, else OutcomeUnknown; neither is chained to the cause, which holds the request.
    """
    wire = _Wire(time.monotonic() + environment.total_seconds, leave_by)
    path = request.url.removeprefix(environment.base_url).partition("?")[0]
    during = f"{request.method} {path}"
    _wires.current = wire
    failure: ProcountorError
    try:
        answer = _exchange(session, _prepared(request), environment, wire)
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


#: Addresses in the form the library gives them: working it out costs a tenth of a request.
_addresses: dict[str, str] = {}
_MOST_ADDRESSES = 32


def _prepared(request: requests.Request) -> PreparedRequest:
    """What `request.prepare()` gives, sooner for an address that it was given before."""
    known = _addresses.get(request.url)
    if known is None or request.files or not isinstance(request.data, bytes):
        prepared = request.prepare()
        if request.method == "POST" and prepared.url and len(_addresses) < _MOST_ADDRESSES:
            _addresses[request.url] = prepared.url
        return prepared
    prepared = PreparedRequest()
    prepared.prepare_method(request.method)
    prepared.url = known
    prepared.prepare_headers(request.headers)
    prepared.body = request.data
    prepared.prepare_content_length(request.data)
    prepared.hooks = request.hooks
    return prepared


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
    if isinstance(reason, _TooLate):
        kind = OutcomeUnknown if wire is not None and wire.written else NotSubmitted
        return kind("too_late", during=during)
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
