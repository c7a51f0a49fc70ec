"""One POST to an address that a customer gave us: no redirect, no proxy, bounded time and size,
and only to an address that may be reached, judged by what the socket is connected to.

Server-side request forgery is the danger: a name may lead into our own network, or lead elsewhere
at a second look-up. So the address is looked up once, each result is judged, the socket connects
to that result itself, and its other end is judged again before a byte is written.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from invoices.webhooks.addresses import AddressRefused, checked, is_allowed

ANSWER_BYTES = 500
_PORTS = {"https": 443, "http": 80}
_TLS = ssl.create_default_context()


@dataclass(frozen=True)
class Outcome:
    """`status` is None when there was no answer, and then `error` says why in a short word.
    `answer` is the beginning of the answer's body as text."""

    status: int | None
    error: str
    answer: str
    milliseconds: int

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> Outcome:
    """Post `body` once. Never raises for what the other side does."""
    began = time.monotonic()
    status, error, answer = None, "", ""
    try:
        status, answer = _exchange(url, body, headers, began + timeout_seconds)
    except AddressRefused as refused:
        error = refused.code
    except ssl.SSLError:
        error = "tls"
    except socket.gaierror:
        error = "name_unknown"
    except (OSError, http.client.HTTPException):
        # A watchdog ends what takes too long by shutting the socket.
        is_late = time.monotonic() >= began + timeout_seconds
        error = "timeout" if is_late else "no_answer"
    return Outcome(status, error, answer, int((time.monotonic() - began) * 1000))


def _exchange(
    url: str, body: bytes, headers: Mapping[str, str], deadline: float
) -> tuple[int, str]:
    parts = checked(url)
    host, port = parts.hostname or "", parts.port or _PORTS[parts.scheme]
    sock = _connect(host, port, deadline)
    if parts.scheme == "https":
        sock = _TLS.wrap_socket(sock, server_hostname=host, do_handshake_on_connect=False)
    with _ended_at(deadline, sock):
        if isinstance(sock, ssl.SSLSocket):
            sock.do_handshake()
        connection = http.client.HTTPConnection(host, port)
        connection.sock = sock
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Host": parts.netloc, "Connection": "close", **headers}
        connection.request("POST", path, body, sent)
        response = connection.getresponse()
        # Raw: an answer that unpacks to more than it seems is not unpacked.
        return response.status, _shown(response.read(ANSWER_BYTES))


def _connect(host: str, port: int, deadline: float) -> socket.socket:
    """A socket to the first address that may be reached and answers."""
    failure: Exception = AddressRefused("not_public")
    for family, kind, protocol, _name, address in socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM
    ):
        if not is_allowed(str(address[0])):
            continue
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, deadline - time.monotonic()))
            sock.connect(address)
            if not is_allowed(str(sock.getpeername()[0])):
                raise AddressRefused("not_public")
        except (OSError, AddressRefused) as error:
            sock.close()
            failure = error
        else:
            return sock
    raise failure


@contextlib.contextmanager
def _ended_at(deadline: float, sock: socket.socket) -> Iterator[None]:
    """Shut the socket at the deadline: a time-out of its own would start anew with every byte."""
    watchdog = threading.Timer(max(0.0, deadline - time.monotonic()), _shut, [sock])
    watchdog.daemon = True
    watchdog.start()
    try:
        yield
    finally:
        watchdog.cancel()
        sock.close()


def _shut(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):  # closed already, which is what was wanted
        sock.shutdown(socket.SHUT_RDWR)


def _shown(start: bytes) -> str:
    text = start.decode("utf-8", "replace")
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text)[:ANSWER_BYTES]
