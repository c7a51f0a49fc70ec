"""Settings refuse to start without real keys, and say which variable is wrong."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parents[2]
KEY = Fernet.generate_key().decode()
GOOD = {"SECRET_KEY": "x" * 60, "FERNET_KEYS": KEY, "FINGERPRINT_KEY": "y"}


def load(script="", **variables):
    """Import the settings in a fresh interpreter with just these variables."""
    env = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull} | variables
    return subprocess.run(
        [sys.executable, "-c", f"from flashnode import settings as s\n{script}"],
        cwd=ROOT,
        env=env,
        text=True,
        capture_output=True,
    )


@pytest.mark.parametrize("name", list(GOOD))
def test_missing_secret_stops_the_start_and_is_named(name):
    done = load(**{key: value for key, value in GOOD.items() if key != name})

    assert done.returncode != 0
    assert f"Set {name}" in done.stderr


@pytest.mark.parametrize(
    "keys", ["short", f"{KEY},short", KEY[:-4], ","], ids=["short", "second", "cut", "none"]
)
def test_fernet_key_of_a_wrong_form_stops_the_start(keys):
    done = load(**GOOD | {"FERNET_KEYS": keys})

    assert done.returncode != 0
    assert "FERNET_KEYS" in done.stderr
    assert KEY not in done.stderr


def test_several_fernet_keys_are_several_keys():
    other = Fernet.generate_key().decode()

    done = load("print(s.FERNET_KEYS)", **GOOD | {"FERNET_KEYS": f"{KEY}, {other}"})

    assert done.stdout.strip() == str([KEY, other])


def test_secret_may_come_from_a_file(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("from-the-file")

    done = load(
        "print(s.PROCOUNTOR['test']['client_secret'])",
        **GOOD | {"PROCOUNTOR_TEST_CLIENT_SECRET_FILE": str(secret)},
    )

    assert done.stdout.strip() == "from-the-file"


def test_defaults_are_the_safe_ones():
    script = "print(s.DEBUG, s.SESSION_COOKIE_SECURE, s.SECURE_SSL_REDIRECT, s.TIME_ZONE)"

    assert load(script, **GOOD).stdout.strip() == "False True True Europe/Helsinki"


MAIL = "print(s.EMAIL_BACKEND, s.EMAIL_HOST, s.EMAIL_PORT, s.EMAIL_HOST_USER, s.EMAIL_USE_TLS)"


def test_mail_server_is_one_variable_that_may_come_from_a_file(tmp_path):
    secret = tmp_path / "mail"
    secret.write_text("smtp+tls://alerts:pass%40word@mail.example.com:587")

    done = load(f"{MAIL}; print(s.EMAIL_HOST_PASSWORD)", **GOOD | {"EMAIL_URL_FILE": str(secret)})

    assert done.stdout.splitlines() == [
        "django.core.mail.backends.smtp.EmailBackend mail.example.com 587 alerts True",
        "pass@word",
    ]


def test_mail_goes_to_the_console_while_developing():
    done = load("print(s.EMAIL_BACKEND, s.ALERT_EMAILS)", **GOOD | {"DEBUG": "true"})

    assert done.stdout.strip() == "django.core.mail.backends.console.EmailBackend []"


@pytest.mark.parametrize(
    ("name", "value"), [("EMAIL_URL", "mail://user:pass-7f3a@host"), ("ALERT_LANGUAGE", "sv")]
)
def test_wrong_mail_setting_stops_the_start_and_is_named(name, value):
    done = load(**GOOD | {name: value})

    assert done.returncode != 0
    assert name in done.stderr
    assert "pass-7f3a" not in done.stderr


def test_software_version_is_the_project_s():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert load("print(s.SOFTWARE_VERSION)", **GOOD).stdout.strip() == project["version"]


def test_production_settings_pass_the_deploy_check():
    env = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull} | GOOD
    env["SECRET_KEY"] = "kT9!" + KEY + KEY

    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env=env | {"DATABASE_URL": "sqlite:////tmp/flashnode-check.sqlite3"},
        text=True,
        capture_output=True,
    )

    assert done.returncode == 0, done.stderr


def test_lock_file_has_hashes_and_names_no_host():
    lock = (ROOT / "requirements.txt").read_text()

    assert "--hash=sha256:" in lock
    assert "://" not in lock
    assert "index" not in lock.replace("importlib", "")


def test_program_starts_with_redis_as_broker_and_cache():
    env = {"PATH": os.environ["PATH"], "ENV_FILE": os.devnull} | GOOD
    env |= {"DEBUG": "true", "REDIS_URL": "redis://127.0.0.1:1/0"}
    done = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=ROOT, env=env, text=True, capture_output=True
    )

    assert done.returncode == 0, done.stderr
