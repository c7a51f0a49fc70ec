"""The same promises under TLS, where closing a socket and failing to connect work differently."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import threading
import time

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations.procountor import NotSubmitted, OutcomeUnknown

from .conftest import close, drip, reply


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A self-signed certificate for 127.0.0.1 with its key, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(path)


@pytest.fixture
def tls(server, environment, certificate):
    """Puts the scripted server behind TLS on a second port, and points `environment` there."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(plain):
        try:
            sock = context.wrap_socket(plain, server_side=True)
        except OSError:
            plain.close()
            return
        server.connections += 1
        sock.settimeout(5)
        server.serve(sock)

    def accept():
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=serve, args=[plain], daemon=True))
            threads[-1].start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/api"
    object.__setattr__(environment, "base_url", url)
    yield listener
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    acceptor.join(5)


@pytest.fixture
def trusted(tls, session, certificate):
    session.verify = certificate
    yield
    session.close()


def test_call_over_tls_is_answered(client, server, trusted):
    server.script = [reply(200, {"id": 7}), reply(200, {"id": 8})]

    assert [client.create_invoice(b"{}").id, client.create_invoice(b"{}").id] == [7, 8]
    assert server.connections == 1


def test_untrusted_certificate_is_not_submitted(client, server, tls):
    with pytest.raises(NotSubmitted) as caught:
        client.authenticate()

    assert (caught.value.cause, server.received) == ("tls_error", [])


def test_certificate_that_turns_untrusted_keeps_the_post_at_home(client, server, session, trusted):
    client.authenticate()
    session.verify = True

    with pytest.raises(NotSubmitted) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, server.calls) == ("tls_error", [])


def test_close_after_the_handshake_is_outcome_unknown(client, server, trusted):
    server.script = [close]

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert (caught.value.cause, len(server.calls)) == ("reset", 1)


@pytest.mark.parametrize(
    "fault",
    [
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\n\r\n", b" "),
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: ", b"x"),
        drip(b"", b"H"),
    ],
    ids=["body", "until_close", "headers", "status_line"],
)
def test_dripping_answer_over_tls_is_ended_in_the_total_time(client, server, trusted, hasty, fault):
    client.authenticate()
    server.script = [fault]
    began = time.monotonic()

    with pytest.raises(OutcomeUnknown) as caught:
        client.create_invoice(b"{}")

    assert caught.value.cause == "too_slow"
    assert time.monotonic() - began < 3


def test_silent_handshake_is_not_submitted(environment, client, server, trusted, hasty):
    """Something accepts the connection and never speaks: nothing of ours can have been written."""
    client.authenticate()
    mute = socket.create_server(("127.0.0.1", 0))
    object.__setattr__(environment, "base_url", f"https://127.0.0.1:{mute.getsockname()[1]}/api")

    with mute, pytest.raises(NotSubmitted):
        client.create_invoice(b"{}")
