"""The sandbox on a socket: HTTP/1.1 with keep-alive, one thread per connection, and the faults.

Decides how an answer is spoilt on the wire; what it would have been is `api`'s.
"""

from __future__ import annotations

import socket
import struct
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

from . import api, control, keylogin
from .faults import Fault, spoilt
from .state import Sandbox
from .wire import Answer, Request, answer, refused

LARGEST_BODY_BYTES = 32_000_000
CLOSE_SECONDS = 5
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class SandboxServer:
    """Serves a `Sandbox` in the background while the `with` block runs.

    `port` 0 takes a free one; `base_url` is http://127.0.0.1:PORT/api. Raises OSError when the
    port is taken. Leaving the block ends all connections.
    """

    def __init__(self, sandbox: Sandbox, port: int = 0, host: str = "127.0.0.1") -> None:
        self.sandbox, self._host = sandbox, host
        self._http = _Server((host, port), _Handler)
        self._http.sandbox = sandbox
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def address(self) -> str:
        """http://host:port, without the base path."""
        return f"http://{self._host}:{self.port}"

    @property
    def base_url(self) -> str:
        return f"{self.address}/api"

    def __enter__(self) -> Self:
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop serving and end every connection; may be called twice."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join(CLOSE_SECONDS)
            self._thread = None
        self._http.server_close()
        self._http.end_connections()


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    daemon_threads = True
    block_on_close = False
    sandbox: Sandbox

    def __init__(self, *args: Any) -> None:
        self.stopping = threading.Event()
        self._guard = threading.Lock()
        self._connections: dict[socket.socket, threading.Thread] = {}
        super().__init__(*args)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections[request] = threading.current_thread()
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.pop(request, None)

    def shutdown_request(self, request: Any) -> None:
        # A polite FIN first would hide the reset that SO_LINGER of 0 is there to cause.
        if request.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)[:4] != b"\0\0\0\0":
            self.close_request(request)
        else:
            super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error here; anything else is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)

    def end_connections(self) -> None:
        self.stopping.set()
        with self._guard:
            still_open = dict(self._connections)
        for connection in still_open:
            _hang_up(connection)
        for thread in still_open.values():
            thread.join(CLOSE_SECONDS)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FlashnodeSandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one packet
    server: _Server

    def version_string(self) -> str:
        return self.server_version

    def log_message(self, format: str, *args: Any) -> None:
        """Silence: `Sandbox.requests` is the log."""

    def do_GET(self) -> None:
        body = self._body()
        if body is None:
            return
        url = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, url.path, url.query, headers, body)
        if url.path.startswith(control.PREFIX):
            self._control(request)
        elif (self.command, url.path) == ("POST", "/logout"):
            self._write(api.log_out(self.server.sandbox, request))
        elif url.path == keylogin.PATH and self.command in ("GET", "POST"):
            self._key_login(request)
        else:
            self._api(request)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _body(self) -> bytes | None:
        length = self.headers.get("Content-Length", "0")
        if "Transfer-Encoding" in self.headers or not (length.isascii() and length.isdecimal()):
            self._refuse_unread(411, "Content-Length is needed.")
            return None
        if len(length) > 12 or int(length) > LARGEST_BODY_BYTES:
            self._refuse_unread(413, "The body is too large.")
            return None
        body = self.rfile.read(int(length))
        if len(body) < int(length):
            # The client hung up half-way: what arrived must not take effect.
            self.close_connection = True
            return None
        return body

    def _refuse_unread(self, status: int, message: str) -> None:
        self.close_connection = True
        self._write(refused(status, message).answer)

    def _control(self, request: Request) -> None:
        host = urlsplit(f"//{request.headers.get('host', '')}").hostname
        if self.client_address[0] not in _LOOPBACK or host not in _LOOPBACK:
            self._write(answer({"error": "for this machine only"}, 403))
            return
        self._write(control.respond(self.server.sandbox, request))

    def _key_login(self, request: Request) -> None:
        sandbox = self.server.sandbox
        with sandbox.lock:
            shown = keylogin.page(sandbox, request)
        sandbox.record(request.method, request.path, shown.status, None)
        self._write(shown)

    def _api(self, request: Request) -> None:
        sandbox = self.server.sandbox
        path = api.api_path(unquote(request.path))
        if path is None:
            sandbox.record(request.method, request.path, 404, None)
            self._write(refused(404, "Not found").answer)
            return
        request = Request(request.method, path, request.query_string, request.headers, request.body)
        company = api.company_of(sandbox, request)
        company_id = company.id if company else None
        fault = sandbox.faults.take(request.method, path, company_id)
        self._wait(sandbox.latency_seconds)
        shown = self._effect(request, fault)
        is_reset = fault is not None and fault.kind == "reset"
        sandbox.record(request.method, path, 0 if is_reset else shown.status, company_id)
        if is_reset:
            self._reset()
        else:
            self._write(shown, cut=fault is not None and fault.kind == "drop_mid_body")

    def _effect(self, request: Request, fault: Fault | None) -> Answer:
        """Let the request take effect, unless the fault prevents it; the answer to be shown."""
        sandbox = self.server.sandbox
        if fault is None:
            return api.respond(sandbox, request)
        if not fault.after_effect:
            self._wait(fault.delay_seconds)
        happens = fault.after_effect or fault.kind == "slow"
        real = api.respond(sandbox, request) if happens else None
        if fault.after_effect:
            self._wait(fault.delay_seconds)
        return spoilt(fault, real)

    def _write(self, shown: Answer, cut: bool = False) -> None:
        """Send an answer; a cut one stops half-way through the body it announced."""
        self.send_response(shown.status)
        self.send_header("Content-Type", shown.content_type)
        self.send_header("Content-Length", str(len(shown.body)))
        for name, value in shown.headers.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(shown.body[: len(shown.body) // 2] if cut else shown.body)
        self.wfile.flush()
        self.close_connection = self.close_connection or cut

    def _reset(self) -> None:
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            self.server.stopping.wait(seconds)


def _hang_up(connection: socket.socket) -> None:
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return
