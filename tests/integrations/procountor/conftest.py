"""A scripted HTTP server on a real socket, for answers no well-behaved server would give."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
import requests

from integrations.procountor import Environment, ProcountorClient
from integrations.procountor.transport import WatchedAdapter

SECRET = "client/secret+1"
KEY = "eyJrZXkta2V5.eyJjaWQiOjF9.c2lnbmF0dXJl"


@dataclass
class Received:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


Reply = bytes | Callable[[socket.socket, Received], None]


def reply(status: int = 200, body: object = "", headers: str = "") -> bytes:
    """The bytes of one HTTP answer; anything but str and bytes is sent as JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()
    head = f"HTTP/1.1 {status} Whatever\r\nContent-Length: {len(body)}\r\n{headers}\r\n"
    return head.encode() + body


def reset(sock: socket.socket, _: Received) -> None:
    """Close with a TCP reset instead of an answer."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def close(sock: socket.socket, _: Received) -> None:
    sock.close()


def cut_off(sock: socket.socket, _: Received) -> None:
    """Promise 100 bytes, send 9, close."""
    sock.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"id": 7,')
    sock.close()


def silence(sock: socket.socket, _: Received) -> None:
    """Wait until the other side gives up."""
    sock.recv(1)


def drip(first: bytes, piece: bytes) -> Callable[[socket.socket, Received], None]:
    """Send `first`, then `piece` again and again until the other side gives up."""

    def run(sock: socket.socket, _: Received) -> None:
        sock.sendall(first)
        sock.settimeout(0.02)
        for _round in range(1000):
            sock.sendall(piece)
            try:
                if not sock.recv(1):
                    return
            except TimeoutError:
                continue

    return run


@dataclass
class Server:
    """Answers from `script` in turn, then `otherwise`; token requests from `token_script`."""

    port: int = 0
    script: list[Reply] = field(default_factory=list)
    token_script: list[Reply] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    tokens_given: int = 0
    connections: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def tokens_asked(self) -> list[Received]:
        return [it for it in self.received if it.path.endswith("/oauth/token")]

    @property
    def calls(self) -> list[Received]:
        return [it for it in self.received if not it.path.endswith("/oauth/token")]

    def answer_to(self, request: Received) -> Reply:
        with self.lock:
            self.received.append(request)
            if not request.path.endswith("/oauth/token"):
                return self.script.pop(0) if self.script else reply(200, {})
            if self.token_script:
                return self.token_script.pop(0)
            self.tokens_given += 1
            token = {"access_token": f"token-{self.tokens_given}", "expires_in": 3600}
            return reply(200, token)

    def serve(self, sock: socket.socket) -> None:
        with sock:
            while (request := _receive(sock)) is not None:
                answer = self.answer_to(request)
                try:
                    if isinstance(answer, bytes):
                        sock.sendall(answer)
                    else:
                        answer(sock, request)
                        return
                except OSError:
                    return


def _receive(sock: socket.socket) -> Received | None:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            piece = sock.recv(65536)
            if not piece:
                return None
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value for name, _, value in (it.partition(": ") for it in lines)}
        while len(body) < int(headers.get("content-length", 0)):
            body += sock.recv(65536)
    except OSError:
        return None
    method, path, _ = first.split(" ")
    return Received(method, path, headers, body)


@pytest.fixture
def server() -> Iterator[Server]:
    listener = socket.create_server(("127.0.0.1", 0))
    made = Server(port=listener.getsockname()[1])
    open_sockets: list[socket.socket] = []
    threads: list[threading.Thread] = []

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            made.connections += 1
            open_sockets.append(sock)
            threads.append(threading.Thread(target=made.serve, args=[sock], daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    yield made
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    for sock in open_sockets:
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            continue
    for thread in [acceptor, *threads]:
        thread.join(5)


@pytest.fixture
def environment(server: Server) -> Environment:
    return Environment(
        name="scripted",
        base_url=f"http://127.0.0.1:{server.port}/api",
        client_id="our-client",
        client_secret=SECRET,
        redirect_uri="https://example.invalid/back",
        connect_seconds=5,
        read_seconds=10,
        total_seconds=20,
    )


@pytest.fixture
def hasty(environment: Environment) -> None:
    """Short patience, for the tests in which the other side never comes to an end."""
    object.__setattr__(environment, "connect_seconds", 0.4)
    object.__setattr__(environment, "read_seconds", 0.4)
    object.__setattr__(environment, "total_seconds", 0.8)


@pytest.fixture
def session() -> Iterator[requests.Session]:

    with requests.Session() as made:
        made.trust_env = False
        made.mount("http://", WatchedAdapter())
        made.mount("https://", WatchedAdapter())
        yield made


@pytest.fixture
def client(environment: Environment, session: requests.Session) -> ProcountorClient:
    return ProcountorClient(environment, KEY, session=session)
