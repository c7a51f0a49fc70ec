"""The door before Django: requests in charsets that would break its reading of them."""

import io

import pytest

from flashnode.wsgi import application, only_usual_charsets


def ask(content_type):
    """The status a request with this content type gets."""
    seen = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/admin/login/",
        "HTTP_HOST": "localhost",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": io.StringIO(),
        "CONTENT_TYPE": content_type,
    }
    answer = application(environ, lambda status, headers: seen.append(status))
    b"".join(answer)
    return int(seen[0].split()[0])


@pytest.mark.parametrize(
    "charset", ["hex", "base64", "rot13", "punycode", "undefined", "zlib", "utf-8\x00", "utf-7"]
)
def test_charset_that_nobody_uses_is_refused(charset):
    assert ask(f"text/plain; charset={charset}") == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", 'text/html; charset="UTF-8"', "text/plain; charset=utf-8; boundary=x"],
)
def test_usual_request_passes(content_type):
    assert ask(content_type) == 200


def test_body_is_not_touched():
    taken = only_usual_charsets(lambda environ, start: [environ["wsgi.input"].read()])

    assert list(taken({"wsgi.input": io.BytesIO(b"x")}, None)) == [b"x"]
