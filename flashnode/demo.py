"""The demo: everything on this machine, with a simulated Procountor, in a database of its own.

Starts the sandbox, the cluster and the web server on free ports, files keys and invoices
through the same commands a person would use, prints what became of them, and stops what it
started. `var/demo` is emptied at every start; nothing else is touched.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "demo"
OWN_FILES = ROOT / "tests" / "data"
SAMPLES = ROOT.parent / "shared" / "samples" / "finvoice"

START_SECONDS = 60
SETTLE_SECONDS = 180

#: Written by us; the business IDs pass their check and belong to nobody we know.
COMPANIES = [
    {"name": "Aurinkopuu Oy", "business_id": "2345678-0"},
    {"name": "Björkdalens Bageri Ab", "business_id": "7654321-2"},
    {"name": "Kivilinna Palvelut Oy", "business_id": "4567890-7"},
    {"name": "Hiljainen Verkkokauppa Oy", "business_id": "2077474-0"},
]
#: Our own company in Procountor, and a customer who asks for the integration by activation link.
OURS = {"name": "Flashnode Oy", "business_id": "5678901-2"}
ASKING = {"name": "Uusi Asiakas Oy", "business_id": "6789012-4"}
#: Rates of the years the sample files are from, which a company of today would have turned off.
OLD_RATES = ["22", "23", "24", "8", "17"]
#: Answers that are lost or refused on purpose, so that the first look shows how they end.
FAULTS = [
    {"kind": "html_500", "method": "POST", "path": "/invoices", "after_effect": True, "skip": 2},
    {"kind": "html_500", "method": "POST", "path": "/invoices", "after_effect": False, "skip": 4},
    {"kind": "rate_limited", "method": "POST", "path": "/invoices", "retry_after": 1, "skip": 6},
]


class DemoFailed(Exception):
    """Something did not start or finish; the message names it and its log."""


class Demo:
    """The processes of one run and what they need."""

    def __init__(self, port: int | None) -> None:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        self.sandbox_port, self.web_port = free_port(), port or free_port()
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.env = os.environ | {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "flashnode.settings",
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FERNET_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "FINGERPRINT_KEY": secrets.token_urlsafe(32),
            "DATABASE_URL": f"sqlite:///{FOLDER / 'demo.sqlite3'}",
            "REDIS_URL": "",
            "ALLOWED_HOSTS": "127.0.0.1,localhost",
            "SECURE": "false",
            "DEBUG": "false",
            "STATIC_FROM_SOURCE": "true",
            "PROCOUNTOR_TEST_BASE_URL": f"http://127.0.0.1:{self.sandbox_port}/api",
            "PROCOUNTOR_TEST_CLIENT_ID": "flashnodeClient",
            "PROCOUNTOR_TEST_CLIENT_SECRET": secrets.token_urlsafe(24),
            "PROCOUNTOR_TEST_REDIRECT_URI": f"http://127.0.0.1:{self.web_port}/connect/logged-in/",
            "PROCOUNTOR_TEST_ACTIVATION_PARAMETER": "requestId",
            # Short waits, so that a lost answer is settled while one looks on.
            "EXPORT_RETRY_SECONDS": "1,2,4,8",
            "EXPORT_LOOKUP_SECONDS": "2,3",
            "EXPORT_LINGER_SECONDS": "10",
        }

    def start(self, name: str, *arguments: str) -> None:
        log = (FOLDER / f"{name}.log").open("wb")
        self.processes[name] = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def manage(self, *arguments: str, stdin: str = "", accept: tuple[int, ...] = (0,)) -> Any:
        """Run a management command with --json and return its document."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments, "--json"],
            cwd=ROOT,
            env=self.env,
            input=stdin,
            text=True,
            capture_output=True,
        )
        if done.returncode not in accept:
            raise DemoFailed(f"{arguments[0]} ended with {done.returncode}:\n{done.stderr.strip()}")
        return json.loads(done.stdout)

    def sandbox(self, path: str, body: Any = None) -> Any:
        """Ask the sandbox's control interface."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.sandbox_port}/_sandbox/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer, parse_float=Decimal)

    def stop(self) -> None:
        """End what was started, the web server first; nothing is left running."""
        for process in reversed(self.processes.values()):
            if process.poll() is None:
                process.terminate()
        for process in self.processes.values():
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)

    def wait_for_port(self, name: str, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.processes[name].poll() is not None:
                break
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.1)
        raise DemoFailed(f"The {name} did not start; see {FOLDER / (name + '.log')}.")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def running(port: int | None) -> Iterator[Demo]:
    """A demo whose processes end with the block, also by Ctrl-C or SIGTERM."""

    def interrupt(*_args: Any) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    demo = Demo(port)
    try:
        yield demo
    finally:
        demo.stop()


def prepare(demo: Demo) -> list[dict[str, str]]:
    """Database, staff and processes; returns the log-ins."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=ROOT,
        env=demo.env,
        check=True,
    )
    logins: list[dict[str, str]] = demo.manage("seed_staff")["logins"]
    demo.start(
        "sandbox", "manage.py", "procountor_sandbox", "--port", str(demo.sandbox_port),
        "--no-companies",
    )  # fmt: skip
    demo.wait_for_port("sandbox", demo.sandbox_port)
    ours = demo.sandbox("companies", OURS)
    demo.sandbox("integrator", {"company_id": ours["id"]})
    demo.env["PROCOUNTOR_TEST_INTEGRATOR_API_KEY"] = ours["api_key"]
    demo.start("cluster", "manage.py", "qcluster")
    demo.start(
        "web", "-m", "gunicorn", "flashnode.wsgi", "--bind", f"127.0.0.1:{demo.web_port}",
        "--workers", "1", "--threads", "4", "--access-logfile", "-",
        "--logger-class", "flashnode.access_log.AccessLogger",
    )  # fmt: skip
    demo.wait_for_port("web", demo.web_port)
    return logins


def file_tenants(demo: Demo) -> list[dict[str, Any]]:
    """Companies in the sandbox, their keys through the same door as any customer's. The last
    one's key is revoked, to show what a red check looks like."""
    tenants = []
    for position, company in enumerate(COMPANIES):
        made = demo.sandbox("companies", company | {"extra_vat_percents": OLD_RATES})
        last = position == len(COMPANIES) - 1
        if last:
            demo.sandbox(f"companies/{made['id']}/revoke", {})
        added = demo.manage(
            "add_tenant", "--name", company["name"], "--business-id", company["business_id"],
            "--environment", "test", "--iban", made["bank_accounts"][0]["iban"],
            "--api-key-stdin",
            # The accountant's choice for these demo companies, not a rule of Procountor's.
            "--vat-status", "Z=1", "--vat-status", "E=12", "--vat-status", "K=5",
            "--vat-status", "G=3", "--vat-status", "O=12", "--drop-invalid-reference",
            "--go-live", "A demo company, with a simulated Procountor",
            stdin=made["api_key"],
            accept=(1,) if last else (0,),
        )  # fmt: skip
        tenants.append({"slug": added["tenant"], "company_id": made["id"], "name": company["name"]})
    return tenants


def ask_for_activation(demo: Demo) -> None:
    """A customer chooses its company in Procountor, and its browser comes to our callback."""
    company = demo.sandbox("companies", ASKING)
    initiator = {"email": "maija@example.com", "userFullName": "Maija Mallikas"}
    asked = {"companies": [company["id"]], "initiator": initiator}
    number = demo.sandbox("activations", asked)["requestId"]
    callback = f"http://127.0.0.1:{demo.web_port}/connect/activated/test/?requestId={number}"
    with urllib.request.urlopen(callback, timeout=10):
        print("A customer asks for the integration: see “Activation requests” in the admin.")


def files_for(tenants: list[dict[str, Any]]) -> Iterator[tuple[str, list[Path]]]:
    """Which tenant gets which files: ours to the first, the samples to the second and third."""
    yield tenants[0]["slug"], sorted(p for p in OWN_FILES.rglob("*") if p.suffix in _READ)
    if SAMPLES.is_dir():
        samples = sorted(SAMPLES.glob("*.xml"))
        yield tenants[1]["slug"], samples[::2]
        yield tenants[2]["slug"], samples[1::2]


_READ = frozenset({".xml", ".json"})


def settle(demo: Demo) -> dict[str, Any]:
    """Wait until every export is where it can stay without a person or time passing."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while time.monotonic() < deadline:
        status: dict[str, Any] = demo.manage("export_status")
        # Parked are only credit notes here, until the next sweep sees their invoices accepted.
        moving = ("queued", "submitting", "unknown", "submitted", "parked")
        if not any(status["statuses"][name] for name in moving):
            return status
        time.sleep(1)
    raise DemoFailed(f"Exports are still moving after {SETTLE_SECONDS} s: {status['statuses']}")


def leaks(folder: Path, hidden: list[str]) -> list[str]:
    """Files below `folder` (database, write-ahead log, logs of every process) that hold a
    secret: as it is, in base64, url-encoded, or a third of it."""
    found = []
    needles = {needle for secret in hidden for needle in _disguises(secret)}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            found += [path.name for needle in needles if needle in content]
    return found


def _disguises(secret: str) -> Iterator[bytes]:
    third = max(12, len(secret) // 3)
    yield secret.encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield base64.b64encode(secret.encode())
    # Where a key is cut decides nothing: any third of its signature is as bad as the whole.
    yield secret[-third:].encode()


def secrets_of(demo: Demo) -> list[str]:
    """Every API key of the sandbox's companies and our own secrets."""
    keys = [company["api_key"] for company in demo.sandbox("companies")]
    names = ("PROCOUNTOR_TEST_CLIENT_SECRET", "SECRET_KEY", "FERNET_KEYS", "FINGERPRINT_KEY")
    return keys + [demo.env[name] for name in names]


def report(
    tenants: list[dict[str, Any]], taken: list[dict[str, Any]], status: dict[str, Any], demo: Demo
) -> bool:
    """Print the table; True when all is as it must be."""
    files = [file for answer in taken for file in answer["files"]]
    total = {key: sum(file[key] for file in files) for key in ("accepted", "duplicate", "rejected")}
    ledger = demo.sandbox("ledger")
    duplicates = demo.sandbox("duplicates")
    leaked = leaks(FOLDER, secrets_of(demo))
    print(f"\n{'File':58} {'accepted':>9} {'duplicate':>10} {'rejected':>9}")
    for file in files:
        name = Path(file["path"]).name
        print(f"{name:58} {file['accepted']:>9} {file['duplicate']:>10} {file['rejected']:>9}")
        reasons = [p["text"] for p in file["problems"]]
        reasons += [p["text"] for item in file["items"] for p in item["problems"]]
        for reason in reasons:
            print(f"    rejected: {reason}")
    print()
    for text, value in (
        ("tenants", len(tenants)),
        ("invoices accepted", total["accepted"]),
        ("invoices rejected", total["rejected"]),
        ("duplicates at intake", total["duplicate"]),
        ("exports by status", _short(status["statuses"])),
        ("attempts", status["attempts"]),
        ("invoices in the sandbox's ledger", len(ledger)),
        ("duplicates in the sandbox's ledger", len(duplicates)),
        ("secrets in database and logs", len(leaked)),
    ):
        print(f"{text:38} {value}")
    done = status["statuses"]["reconciled"]
    return (
        not duplicates
        and not leaked
        and done == len(ledger) == total["accepted"]
        and status["open_attempts"] == 0
        and done > 0
    )


def _short(statuses: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in statuses.items() if count)


def run(once: bool, port: int | None) -> int:
    started = time.monotonic()
    with running(port) as demo:
        print("Starting the database, a simulated Procountor, the cluster and the web server …")
        logins = prepare(demo)
        tenants = file_tenants(demo)
        ask_for_activation(demo)
        for fault in FAULTS:
            demo.sandbox("faults", fault)
        if not SAMPLES.is_dir():
            print(f"No sample files at {SAMPLES}: only our own are taken in.")
        taken = [
            demo.manage(
                "import_invoices", "--tenant", slug, "--queue", *map(str, paths), accept=(0, 1)
            )
            for slug, paths in files_for(tenants)
        ]
        good = report(tenants, taken, settle(demo), demo)
        print(f"{'seconds':38} {time.monotonic() - started:.0f}")
        print(f"\nThe admin: http://127.0.0.1:{demo.web_port}/admin/   (Procountor is simulated)")
        for login in logins:
            print(f"  {login['role']:14} {login['username']:14} {login['password']}")
        print("Good." if good else "NOT good: see the figures above.", flush=True)
        if not once:
            print("Ctrl-C stops everything.", flush=True)
            while all(process.poll() is None for process in demo.processes.values()):
                time.sleep(0.5)
            raise DemoFailed(f"A process ended by itself; see the logs in {FOLDER}.")
        return 0 if good else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m flashnode demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop after the table")
    parser.add_argument("--port", type=int, help="the web server's port (default: a free one)")
    options = parser.parse_args()
    try:
        return run(options.once, options.port)
    except KeyboardInterrupt:
        print("\nStopped.")
        return 0 if not options.once else 130
    except DemoFailed as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
