"""A server between us and the sandbox on real sockets, for what no sandbox can answer: a closed
port, one that takes no more connections, and answers that are wrong below HTTP's status."""

from __future__ import annotations

import contextlib
import socket
import threading


class Front:
    """Passes requests on to the sandbox's `port`, but answers those that `script` names itself.
    `base_url` is where the program finds it."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        #: (beginning of the request, bytes of its answer), used up in order.
        self.script: list[tuple[bytes, bytes]] = []
        self._held: list[socket.socket] = []
        self._connections: list[socket.socket] = []
        self._listener = self._listen(0)
        self.port = self._listener.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{self.port}/api"

    def _listen(self, port: int) -> socket.socket:
        listener = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self._serve, args=[listener], daemon=True).start()
        return listener

    def close(self) -> None:
        """Close the port and every connection."""
        for each in [self._listener, *self._connections, *self._held]:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        self._connections, self._held = [], []

    def fill(self) -> None:
        """Take no more connections: who asks for one waits."""
        self.close()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(0)
        for _place in range(4):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", self.port))
            self._held.append(waiting)

    def reopen(self) -> None:
        self.close()
        self._listener = self._listen(self.port)

    def _serve(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _address = listener.accept()
                self._connections.append(connection)
                threading.Thread(target=self._pass_on, args=[connection], daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            while request := _message(client):
                for number, (beginning, reply) in enumerate(self.script):
                    if request.startswith(beginning):
                        del self.script[number]
                        client.sendall(reply)
                        return
                with socket.create_connection(("127.0.0.1", self._upstream)) as server:
                    server.sendall(request)
                    client.sendall(_message(server))


def _message(sock: socket.socket) -> bytes:
    """One request or answer with its body; b"" at the end of the connection."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = sock.recv(65_536)
        if not piece:
            return b""
        head += piece
    lines, _end, body = head.partition(b"\r\n\r\n")
    length = 0
    for line in lines.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.partition(b":")[2])
    while len(body) < length:
        body += sock.recv(65_536)
    return lines + b"\r\n\r\n" + body
