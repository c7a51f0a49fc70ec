"""Serves a simulated shop on a free port of this machine."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit

from invoices.shops.sandbox.shop import SIMULATED, Fault, SandboxShop, Shown


class ShopServer:
    """`with ShopServer(shop) as server: … server.address`."""

    def __init__(self, shop: SandboxShop, port: int = 0) -> None:
        self._http = _Server(("127.0.0.1", port), _Handler)
        self._http.shop = shop
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> ShopServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.stopping.set()
        self._http.shutdown()
        self._thread.join(10)
        self._http.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    shop: SandboxShop

    def __init__(self, *args: object) -> None:
        self.stopping = threading.Event()
        super().__init__(*args)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SimulatedShop"
    sys_version = ""
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Silence: `SandboxShop.requests` is the log."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path == "/":
            self._write(Shown(200, SIMULATED.encode()))
            return
        shop = self.server.shop
        fault = shop.fault_for(url.path)
        if fault is not None and fault.seconds:
            self.server.stopping.wait(fault.seconds)
        shown = shop.answer(self.command, url.path, url.query, self.headers, body)
        self._write(_spoilt(fault, shown, shop), fault)

    do_POST = do_GET

    def _write(self, shown: Shown, fault: Fault | None = None) -> None:
        kind = fault.kind if fault else ""
        self.send_response(shown.status)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("X-Simulated-Shop", "yes")
        self.send_header("Content-Length", str(len(shown.body)))
        for name, value in shown.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if kind == "drip":
            for at in range(len(shown.body)):
                self.wfile.write(shown.body[at : at + 1])
                if self.server.stopping.wait(0.05):
                    break
            return
        body = shown.body[: len(shown.body) // 2] if kind == "cut" else shown.body
        self.wfile.write(body)
        self.close_connection = self.close_connection or kind == "cut"

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True


def _spoilt(fault: Fault | None, shown: Shown, shop: SandboxShop) -> Shown:
    kind = fault.kind if fault else ""
    if fault is None or kind in ("", "cut", "slow", "drip"):
        return shown
    if kind == "again":
        return shop.again() or shown
    if kind == "redirect":
        return Shown(302, b"", {"Location": "http://127.0.0.1:9/elsewhere"})
    if kind == "html":
        return Shown(200, b"<html>Maintenance</html>")
    if kind == "huge":
        return Shown(200, b"[" + b" " * 21_000_000 + b"]")
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return Shown(fault.status, b"{}", headers)
