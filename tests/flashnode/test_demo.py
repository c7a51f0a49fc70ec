"""The demo's one command, from nothing to its table; and that its search for leaks can find."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flashnode import demo

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def once():
    """One run of the demo's second half; its first half installs, and did so for these tests."""
    return subprocess.run(
        [sys.executable, "-m", "flashnode.demo", "--once"],
        cwd=ROOT,
        env={k: v for k, v in os.environ.items() if not k.startswith(("DATABASE", "REDIS"))},
        text=True,
        capture_output=True,
        timeout=300,
    )


def figure(once, name):
    return re.search(rf"^{re.escape(name)}\s+(\S.*)$", once.stdout, re.MULTILINE)[1]


@pytest.mark.timeout(300)
def test_demo_ends_well_with_every_accepted_invoice_in_the_ledger_once(once):
    assert once.returncode == 0, once.stdout + once.stderr
    assert figure(once, "duplicates in the sandbox's ledger") == "0"
    assert figure(once, "invoices in the sandbox's ledger") == figure(once, "invoices accepted")
    assert int(figure(once, "attempts")) > int(figure(once, "invoices accepted"))


def test_demo_leaves_no_secret_in_database_and_logs(once):
    assert figure(once, "secrets in database and logs") == "0"
    assert (demo.FOLDER / "demo.sqlite3").stat().st_size > 100_000
    assert (demo.FOLDER / "cluster.log").exists()


def left_running():
    """Processes that work on the demo's database, by their environment."""
    found = []
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            if str(demo.FOLDER / "demo.sqlite3").encode() in environ.read_bytes():
                found.append(environ.parent.name)
        except OSError:
            continue  # it ended while we looked, or is not ours
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_demo_leaves_no_process_behind(once):
    assert left_running() == []


@pytest.mark.timeout(300)
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="no /proc here")
def test_ctrl_c_stops_everything_the_demo_started(once):
    with subprocess.Popen(
        [sys.executable, "-m", "flashnode.demo"], cwd=ROOT, text=True, stdout=subprocess.PIPE
    ) as process:
        for line in process.stdout:
            if line.startswith("Ctrl-C stops"):
                break
        assert len(left_running()) >= 3
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()

    assert (process.returncode, "Stopped." in rest) == (0, True)
    assert left_running() == []


@pytest.mark.parametrize("disguise", range(4))
def test_planted_secret_is_found_in_any_disguise(tmp_path, disguise):
    secret = "a-secret/with+signs." * 3
    planted = list(demo._disguises(secret))[disguise]
    (tmp_path / "some.log").write_bytes(b"before " + planted + b" after")

    assert demo.leaks(tmp_path, [secret]) != []
    assert demo.leaks(tmp_path, ["another-secret-entirely"]) == []
