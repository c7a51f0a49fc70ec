"""`manage.py procountor_sandbox` as its own process."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from cryptography.fernet import Fernet

ROOT = Path(__file__).resolve().parents[3]
SECRET = "command-test-secret"
ENVIRONMENT = {
    "DJANGO_SETTINGS_MODULE": "flashnode.settings",
    "ENV_FILE": os.devnull,
    "SECRET_KEY": "test-secret-key",
    "FERNET_KEYS": Fernet.generate_key().decode(),
    "FINGERPRINT_KEY": "test-fingerprint-key",
    "PROCOUNTOR_TEST_CLIENT_SECRET": SECRET,
    "PROCOUNTOR_TEST_REDIRECT_URI": "https://flashnode.example/callback",
    "PYTHONWARNINGS": "default",
}


@pytest.fixture
def start():
    processes = []

    def run(*arguments, **environment):
        process = subprocess.Popen(
            [sys.executable, "manage.py", "procountor_sandbox", *arguments],
            cwd=ROOT,
            env=os.environ | ENVIRONMENT | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_command_serves_until_it_is_told_to_stop(start, number):
    process = start("--port", "0", "--companies", "5", "--json")
    facts = json.loads(process.stdout.readline())

    companies = requests.get(facts["control_url"] + "companies", timeout=10).json()
    answer = requests.post(
        facts["base_url"] + "/oauth/token",
        data={
            "grant_type": "client_credentials",
            "client_id": "flashnodeClient",
            "client_secret": SECRET,
            "redirect_uri": "https://flashnode.example/callback",
            "api_key": companies[0]["api_key"],
        },
        timeout=10,
    )
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)

    assert (answer.status_code, process.returncode, errors) == (200, 0, "")
    assert facts["simulated"] is True
    assert [c["id"] for c in facts["companies"]] == [c["id"] for c in companies]
    assert companies[0]["api_key"] not in json.dumps(facts) + output


def test_plain_print_shows_four_characters_of_the_key_and_no_secret(start):
    process = start("--port", "0", "--companies", "1")
    lines = [process.stdout.readline() for _ in range(3)]
    address = lines[0].split(" at ")[1].split("/api")[0]
    (company,) = requests.get(f"{address}/_sandbox/companies", timeout=10).json()
    process.terminate()
    output = "".join(lines) + "".join(process.communicate(timeout=20))

    assert lines[0].startswith("Simulated Procountor at http://127.0.0.1:")
    assert f"…{company['api_key'][-4:]}" in lines[1]
    assert company["api_key"] not in output
    assert SECRET not in output


def test_no_companies_starts_empty(start):
    process = start("--port", "0", "--no-companies", "--json")

    assert json.loads(process.stdout.readline())["companies"] == []


def test_port_that_is_taken_is_said_with_exit_code_1(start, server):
    process = start("--port", str(server.port))
    output, errors = process.communicate(timeout=30)

    assert (process.returncode, output) == (1, "")
    assert f"cannot listen on port {server.port}" in errors


@pytest.mark.parametrize(
    ("arguments", "environment", "named"),
    [
        ([], {"PROCOUNTOR_TEST_CLIENT_SECRET": ""}, "PROCOUNTOR_TEST_CLIENT_SECRET"),
        (["--client-secret-env", "NOT_SET_ANYWHERE"], {}, "NOT_SET_ANYWHERE"),
        (["--latency-ms", "-1"], {}, "--latency-ms"),
        (["--companies", "-1"], {}, "--companies"),
    ],
)
def test_unfit_options_are_named_with_exit_code_1(start, arguments, environment, named):
    process = start("--port", "0", *arguments, **environment)
    _output, errors = process.communicate(timeout=30)

    assert process.returncode == 1
    assert named in errors
