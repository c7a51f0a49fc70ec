"""A mail server for tests: speaks just enough SMTP over a real socket and keeps what it gets."""

from __future__ import annotations

import email
import email.policy
import socket
import socketserver
import threading
from email.message import EmailMessage


class _Session(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self._say("220 test")
        while line := self.rfile.readline().decode().strip():
            verb = line.split()[0].upper()
            if verb == "DATA":
                self._say("354 go on")
                self.server.inbox.append(self._message())  # type: ignore[attr-defined]
            self._say("221 bye" if verb == "QUIT" else "250 ok")

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _message(self) -> EmailMessage:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line)
        return email.message_from_bytes(b"".join(lines), policy=email.policy.default)


class MailServer(socketserver.ThreadingTCPServer):
    """Down until `start()`: its port refuses."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        super().__init__(("127.0.0.1", self.port), _Session, bind_and_activate=False)
        self.inbox: list[EmailMessage] = []

    def start(self) -> None:
        self.server_bind()
        self.server_activate()
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        self.running = True

    def stop(self) -> None:
        if getattr(self, "running", False):
            self.shutdown()
        self.server_close()

    @property
    def subjects(self) -> list[str]:
        return [message["Subject"] for message in self.inbox]
