"""A webhook reaches public addresses by https only, follows nothing, and waits for nobody long."""

import socket
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from invoices.webhooks.addresses import AddressRefused, checked, is_allowed
from invoices.webhooks.posting import post

INNER = [
    "127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.0.1",
    "198.18.0.1", "192.0.2.1", "203.0.113.9", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "ff02::1", "fec0::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::a00:1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:c0a8:101::", "2001:db8::1",
    "64:ff9b:1::1", "2001:0:a00:1::80ff:fffe",
]  # fmt: skip


@pytest.mark.parametrize("ip", INNER)
def test_address_inside_is_refused(ip):
    assert not is_allowed(ip)


@pytest.mark.parametrize("ip", ["8.8.8.8", "2a00:1450:400f::200e", "::ffff:8.8.8.8"])
def test_public_address_is_allowed(ip):
    assert is_allowed(ip)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", "not_https"),
        ("ftp://example.com/", "not_https"),
        ("//example.com/", "not_https"),
        ("https:///x", "not_an_address"),
        ("https://", "not_an_address"),
        ("https://example.com:0/", "not_an_address"),
        ("https://example.com:99999/", "not_an_address"),
        ("https://example.com/#x", "not_an_address"),
        ("https://exa mple.com/", "not_an_address"),
        ("https://example.com/a\r\nX: y", "not_an_address"),
        ("https://user:pw@example.com/", "has_credentials"),
        ("https://127.0.0.1/", "not_public"),
        ("https://[::1]:8443/", "not_public"),
        ("https://169.254.169.254/latest/meta-data", "not_public"),
    ],
)
def test_address_that_may_not_be_posted_to_says_why(url, code):
    with pytest.raises(AddressRefused) as refused:
        checked(url)

    assert refused.value.code == code
    assert post(url, b"{}", {}, 5).status is None


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_refused(text):
    try:
        parts = checked(f"https://{text}")
    except AddressRefused:
        return
    assert parts.hostname


def test_name_that_leads_inside_is_refused_before_a_byte_is_written(listener, settings):
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    port = listener.url.split(":")[2]

    outcome = post(f"http://localhost:{port}", b"{}", {}, 5)

    assert (outcome.status, outcome.error) == (None, "not_public")
    assert listener.posts == []


@pytest.mark.parametrize("form", ["0x7f000001", "2130706433", "127.1", "0177.0.0.1"])
def test_other_ways_to_write_loopback_are_refused(listener, settings, form):
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    port = listener.url.rsplit(":", 1)[1].split("/")[0]

    assert post(f"http://{form}:{port}/", b"{}", {}, 5).error == "not_public"
    assert listener.posts == []


def test_answer_of_the_name_that_changes_leads_nowhere_else(listener, settings, monkeypatch):
    """Rebinding: the first look-up is public, a second one would be loopback. There is no second
    one, and the address that was judged is the one that is connected to."""
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    port = int(listener.url.rsplit(":", 1)[1].split("/")[0])
    asked, connected = [], []

    def look_up(host, port, **kwargs):
        asked.append(host)
        ip = "8.8.8.8" if len(asked) == 1 else "127.0.0.1"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port))]

    def connect(self, address):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)

    assert post(f"http://rebind.example:{port}/", b"{}", {}, 5).error == "no_answer"
    assert (asked, connected) == (["rebind.example"], [("8.8.8.8", port)])
    assert listener.posts == []


def test_other_end_of_the_socket_is_judged_too(listener, settings, monkeypatch):
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    port = int(listener.url.rsplit(":", 1)[1].split("/")[0])
    real = socket.socket.connect
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *a, **k: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("8.8.8.8", port))],
    )
    monkeypatch.setattr(socket.socket, "connect", lambda s, a: real(s, ("127.0.0.1", port)))

    assert post("http://public.example/", b"{}", {}, 5).error == "not_public"
    assert listener.posts == []


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirect_is_not_followed(listener, status):
    listener.answers = [(status, b"")]

    outcome = post(listener.url, b"{}", {}, 5)

    assert (outcome.status, outcome.is_taken, len(listener.posts)) == (status, False, 1)


def test_proxy_of_the_environment_is_not_used(listener, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    assert post(listener.url, b"{}", {}, 5).status == 204


def test_silent_and_dripping_answers_end_at_the_deadline(listener):
    def drip(handler):
        for _each in range(100):
            try:
                handler.wfile.write(b"H")
                handler.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    listener.act = drip
    outcome = post(listener.url, b"{}", {}, 0.5)

    assert outcome.error == "timeout"
    assert 400 < outcome.milliseconds < 3000


def test_of_a_huge_answer_only_the_beginning_is_read(listener):
    def flood(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n" + b"a" * 10_000)

    listener.act = flood

    outcome = post(listener.url, b"{}", {}, 5)

    assert (outcome.status, outcome.answer) == (200, "a" * 500)


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_answer_that_is_no_http_is_a_failure(listener, answer):
    listener.act = lambda handler: handler.wfile.write(answer)

    assert post(listener.url, b"{}", {}, 5).error == "no_answer"


def test_nobody_there_and_no_such_name_are_told_apart(listener):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/", b"{}", {}, 5).error == "no_answer"
    assert post("http://nobody.invalid/", b"{}", {}, 5).error == "name_unknown"


def test_server_without_a_trusted_certificate_gets_nothing(listener):
    url = listener.url.replace("http:", "https:")

    assert post(url, b"{}", {}, 5).error == "tls"
    assert listener.posts == []
