"""HTTP/1.1 around the sandbox: authorisation, scripted faults, JSON with exact decimals."""

from __future__ import annotations

import contextlib
import email.parser
import email.policy
import re
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import simplejson

from integrations.sandbox import control
from integrations.sandbox.api import Answer, Call, errors, refused, route
from integrations.sandbox.state import Fault, Sandbox, SandboxCompany
from integrations.sandbox.validation import error

_BASE = re.compile(r"/(?:(?:latest|supported|v\d{4})/)?api(?=/)")
_HTML = "<html><head><title>{0}</title></head><body><h1>{0}</h1><hr>nginx</body></html>"
_MAX_BODY_BYTES = 40_000_000


class SandboxServer:
    """Serves a `Sandbox` on loopback until closed; `port` 0 takes a free one.

    Raises OSError when the port is taken.
    """

    def __init__(self, sandbox: Sandbox, port: int = 0) -> None:
        self.sandbox = sandbox
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.sandbox = sandbox
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    def __enter__(self) -> SandboxServer:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._server.close_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    block_on_close = False
    sandbox: Sandbox

    def __init__(self, *args: Any) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(*args)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """End kept-alive connections, so that no thread waits on a closed sandbox."""
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no error of the sandbox's."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FlashnodeSandbox"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: what was asked is kept in `Sandbox.requests`."""

    def do_GET(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def _serve(self, method: str) -> None:
        sandbox = self.server.sandbox
        content = self._content()
        path, _, _ = self.path.partition("?")
        if path.startswith("/_sandbox/"):
            body = simplejson.loads(content) if content else None
            name = path.removeprefix("/_sandbox/")
            self._answer(*control.answer(sandbox, method, name, body))
            return
        started = time.time()
        if sandbox.latency_seconds:
            time.sleep(sandbox.latency_seconds)
        company = self._company(sandbox)
        company_id = company.id if company else None
        local = _BASE.sub("", path, count=1).rstrip("/")
        fault = sandbox.next_fault(method, local, company_id)
        status, body = 0, None
        if fault is None or fault.after_effect or fault.kind == "slow":
            status, body = self._result(method, path, local, content, company)
        sandbox.requests.append((started, method, local, status, company_id))
        if fault is None:
            self._answer(status, body)
        else:
            self._fail(fault, status, body)

    def _content(self) -> bytes:
        length = int(self.headers.get("Content-Length") or 0)
        return self.rfile.read(min(length, _MAX_BODY_BYTES)) if length else b""

    def _company(self, sandbox: Sandbox) -> SandboxCompany | None:
        kind, _, token = (self.headers.get("Authorization") or "").partition(" ")
        return sandbox.company_of(token) if kind == "Bearer" else None

    def _result(
        self, method: str, path: str, local: str, content: bytes, company: SandboxCompany | None
    ) -> Answer:
        if not _BASE.match(path):
            return refused(404, "Not found")
        if (method, local) == ("POST", "/oauth/token"):
            return self._token(content)
        found = route(method, local)
        if isinstance(found, int):
            return refused(found, "Not found" if found == 404 else "Method not allowed")
        if company is None:
            return refused(401, "Unauthorized")
        if method == "GET" and content:
            return refused(400, "GET must not have a body")
        function, match = found
        try:
            body, parts = self._body(content)
            query = parse_qs(urlsplit(self.path).query, keep_blank_values=True)
            return function(Call(company, query, body, parts, match))
        except (ValueError, KeyError, TypeError, AttributeError):
            return errors(400, error("", "Invalid request body"))

    def _token(self, content: bytes) -> Answer:
        # A charset parameter must not be sent (REFERENCE section 3).
        if self.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return refused(400, "Invalid content type")
        form = {name: values[0] for name, values in parse_qs(content.decode("ascii")).items()}
        sandbox = self.server.sandbox
        token = sandbox.token_for(form)
        if token is None:
            return refused(401, "Unauthorized")
        return 200, {"access_token": token, "expires_in": sandbox.token_lifetime_seconds}

    def _body(self, content: bytes) -> tuple[Any, dict[str, tuple[str, bytes]]]:
        kind = self.headers.get("Content-Type") or ""
        if not kind.startswith("multipart/form-data"):
            return (simplejson.loads(content, use_decimal=True) if content else None), {}
        parser = email.parser.BytesParser(policy=email.policy.HTTP)
        message = parser.parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + content)
        parts = {
            str(part.get_param("name", header="content-disposition")): (
                part.get_content_type(),
                part.get_payload(decode=True) or b"",
            )
            for part in message.iter_parts()
        }
        meta_type, meta = parts.get("meta", ("", b""))
        if meta_type != "application/json":
            raise ValueError("the part meta must be application/json")
        return simplejson.loads(meta, use_decimal=True), parts

    def _answer(self, status: int, body: Any, **headers: str) -> None:
        content = simplejson.dumps(body, use_decimal=True, ensure_ascii=False).encode()
        self._send(status, content, "application/json;charset=UTF-8", **headers)

    def _send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(content)

    def _fail(self, fault: Fault, status: int, body: Any) -> None:
        if fault.delay_seconds:
            time.sleep(fault.delay_seconds)
        if fault.kind == "slow":
            self._answer(status, body)
        elif fault.kind == "html_500":
            self._send(500, _HTML.format("500 Internal Server Error").encode(), "text/html")
        elif fault.kind == "not_json":
            self._send(200, _HTML.format("Welcome").encode(), "text/html")
        elif fault.kind == "rate_limited":
            wait = {} if fault.retry_after is None else {"Retry_After": f"{fault.retry_after:g}"}
            self._answer(429, {"errors": [error("", "Too many requests", 429)]}, **wait)
        elif fault.kind == "expired_token":
            self._answer(401, {"errors": [error("", "Unauthorized", 401)]})
        elif fault.kind == "status":
            self._answer(fault.status, {"errors": [error("", "Scripted fault", fault.status)]})
        elif fault.kind == "drop_mid_body":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "100000")
            self.end_headers()
            self.wfile.write(b'{"id": ')
            self._end(reset=False)
        else:
            self._end(reset=True)

    def _end(self, *, reset: bool) -> None:
        """Close the connection, with a reset instead of a farewell when asked."""
        self.close_connection = True
        self.wfile.flush()
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        else:
            self.connection.shutdown(socket.SHUT_RDWR)
