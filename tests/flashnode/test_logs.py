"""The last net: what opens something is masked in whatever is logged."""

import datetime as dt
import logging
import sys

import pytest
from gunicorn.config import Config

from flashnode.access_log import AccessLogger
from flashnode.logs import MaskingFormatter, masked
from tests import factories

TOKEN = "Zr0q9-_x" * 6


def line(message, *args, **fields):
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, message, args, None)
    vars(record).update(fields)
    return MaskingFormatter("%(message)s").format(record)


def test_token_of_a_link_is_masked_and_the_rest_stays():
    assert line("Not Found: %s", f"/connect/{TOKEN}/") == "Not Found: /connect/••••/"


@pytest.mark.parametrize("lead", ["GET /connect/logged-in/?", ""])
def test_what_a_log_in_brings_back_is_masked(lead):
    shown = masked(f"{lead}code=s3cret%2Fcode&expires_in=300&state=st4te HTTP/1.1")

    assert shown == f"{lead}code=••••&expires_in=300&state=•••• HTTP/1.1"


def test_key_is_masked_even_in_a_traceback():
    key = factories.api_key()
    try:
        raise ValueError(f"cannot use {key}")
    except ValueError:
        shown = line("It broke", exc_info=sys.exc_info())

    assert "cannot use ••••" in shown
    assert key not in shown and key.split(".")[1] not in shown


@pytest.mark.parametrize("secret", ["fnk_" + "aZ09" * 11 + "ab", "whsec_" + "aZ0+/9_-" * 5 + "="])
def test_tokens_and_secrets_of_our_own_api_are_masked(secret):
    prefix = secret.partition("_")[0]

    assert (
        line("GET /x?t=%s Bearer %s", secret, secret)
        == f"GET /x?t={prefix}_•••• Bearer {prefix}_••••"
    )


@pytest.mark.parametrize(
    "text", ["fnk_", "fnk_short", "/connect/", "/connect/short/", "eyJ", "/admin/x/y/", "20774740"]
)
def test_what_opens_nothing_is_left_alone(text):
    assert masked(text) == text


def test_web_servers_log_hides_the_token():
    class Answer:
        status, sent, headers = "200 OK", 1, []

    class Asked:
        headers = [("REFERER", f"https://x.example/connect/{TOKEN}/")]

    path = f"/connect/{TOKEN}/"
    environ = {
        "REQUEST_METHOD": "GET",
        "RAW_URI": path,
        "PATH_INFO": path,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_REFERER": f"https://x.example{path}",
    }
    atoms = AccessLogger(Config()).atoms(Answer, Asked, environ, dt.timedelta(seconds=1))

    assert TOKEN not in str(atoms)
    assert atoms["U"] == "/connect/••••/"


def test_web_servers_error_log_is_masked_too(capsys):
    log = AccessLogger(Config())

    log.error("Error handling request GET %s", f"/connect/{TOKEN}/")

    shown = capsys.readouterr().err
    assert "/connect/••••/" in shown and TOKEN not in shown
