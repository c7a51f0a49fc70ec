"""A source that listens for webhooks on a free port, and tenants that tell it."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests import factories


@dataclass
class Listener:
    """Keeps what it was posted: (path, headers, body). `answers` are used up one by one, then
    204; `act` may do something else with the connection."""

    url: str = ""
    posts: list = field(default_factory=list)
    answers: list = field(default_factory=list)
    act: object = None

    @property
    def bodies(self):
        return [body for _path, _headers, body in self.posts]


@pytest.fixture
def listener(settings):
    settings.WEBHOOK_ALLOW_HTTP = True
    settings.WEBHOOK_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.WEBHOOK_TIMEOUT_SECONDS = 5
    kept = Listener()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            kept.posts.append((self.path, dict(self.headers), body))
            if kept.act is not None:
                kept.act(self)
                return
            status, text = kept.answers.pop(0) if kept.answers else (204, b"")
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", kept.url + "/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    kept.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield kept
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def boss(db):
    return factories.UserFactory(role="Support")
