"""One run: its folder, database, environment and processes, and nothing left at its end."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

from tests import factories
from tests.faults.databases import CLUSTER_NAME, Database, open_database
from tests.faults.sandbox_process import SandboxControl

ROOT = Path(__file__).resolve().parents[2]
VAT, CENT = Decimal("0.255"), Decimal("0.01")

#: Scaled down from production's, in the same order: request < lease < look-ups together < patience.
TUNING = {
    "EXPORT_LEASE_SECONDS": "6",
    "EXPORT_LOOKUP_SECONDS": "2,2",
    "EXPORT_RETRY_SECONDS": ",".join(["1"] * 30),
    "EXPORT_READ_AGAIN_SECONDS": ",".join(["1"] * 60),
    "EXPORT_LANE_LEASE_SECONDS": "2",
    "EXPORT_LINGER_SECONDS": "2",
    "PROCOUNTOR_CONNECT_TIMEOUT_SECONDS": "1",
    "PROCOUNTOR_READ_TIMEOUT_SECONDS": "1",
    "PROCOUNTOR_TOTAL_TIMEOUT_SECONDS": "1",
    "PROCOUNTOR_REQUESTS_PER_SECOND": "1000",
    "PROCOUNTOR_PROBE_SECONDS": "2",
    "EXPORT_REQUESTS_IN_FLIGHT_PER_TENANT": "4",
    "CLUSTER_WORKERS": "3",
}


class RunFailed(Exception):
    """The harness could not do its part; the message names what and its log."""


class Run:
    """`folder` holds everything: SQLite's file, every process's log, the files to take in."""

    def __init__(self, database: str, folder: Path, **tuning: str) -> None:
        self.folder, self.inbox = folder, folder / "inbox"
        self.inbox.mkdir(parents=True)
        self.database: Database = open_database(database, folder)
        self.processes: list[subprocess.Popen[str]] = []
        #: Sum with VAT by the tenant's short name and the invoice's number.
        self.expected: dict[tuple[str, str], Decimal] = {}
        self.env = os.environ | self._secrets() | TUNING | tuning
        try:
            self.sandbox = SandboxControl(self._line(self.start("sandbox_process")))
            self.env["PROCOUNTOR_TEST_BASE_URL"] = f"{self.sandbox.address}/api"
        except BaseException:
            self.close()
            raise

    def _secrets(self) -> dict[str, str]:
        self.hidden = {
            "SECRET_KEY": secrets.token_urlsafe(50),
            "FERNET_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "FINGERPRINT_KEY": secrets.token_urlsafe(32),
            "PROCOUNTOR_TEST_CLIENT_SECRET": secrets.token_urlsafe(24),
        }
        return self.hidden | {
            "ENV_FILE": os.devnull,
            "DJANGO_SETTINGS_MODULE": "flashnode.settings",
            "DATABASE_URL": self.database.url,
            "REDIS_URL": "",
            "SECURE": "false",
            "LOG_LEVEL": "INFO",
            "PROCOUNTOR_TEST_CLIENT_ID": "flashnodeClient",
            "PROCOUNTOR_TEST_REDIRECT_URI": "https://flashnode.example/callback",
        }

    def start(self, module: str, *arguments: str, **env: str) -> subprocess.Popen[str]:
        """Start `tests.faults.<module>` in a process group of its own."""
        return self.launch(module, ["-m", f"tests.faults.{module}", *arguments], **env)

    def launch(self, name: str, arguments: list[str], **env: str) -> subprocess.Popen[str]:
        log = self.folder / f"{name}-{len(self.processes)}.log"
        with log.open("wb") as errors:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.env | env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if arguments[0] == "-m" else errors,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    def start_cluster(self) -> subprocess.Popen[str]:
        return self.launch("cluster", ["manage.py", "qcluster"], PGAPPNAME=CLUSTER_NAME)

    def open_back_office(self, tenants: int) -> list[dict[str, Any]]:
        """Start the people: they migrate, file `tenants` keys, then look after everything."""
        self.back_office = self.start("backoffice", str(tenants), str(self.inbox))
        made: list[dict[str, Any]] = json.loads(self._line(self.back_office))
        return made

    def open_desk(self, **env: str) -> Callable[..., Any]:
        """Start an accountant (`tests.faults.desk`); call with an act's name and arguments."""
        process = self.start("desk", **env)
        self._line(process)

        def ask(name: str, **arguments: Any) -> Any:
            assert process.stdin is not None
            process.stdin.write(json.dumps([name, arguments]) + "\n")
            process.stdin.flush()
            return json.loads(self._line(process))

        return ask

    def finished(self, module: str) -> Any:
        """Run `tests.faults.<module>` to its end; what it prints, from JSON."""
        process = self.start(module)
        told = json.loads(self._line(process))
        process.wait()
        return told

    def _line(self, process: subprocess.Popen[str]) -> str:
        line = process.stdout.readline().strip() if process.stdout else ""
        if not line:
            raise RunFailed(f"A process ended; see its log in {self.folder}.\n{self.log_tail()}")
        return line

    def hand_in(self, slug: str, numbers: list[str], categories: Sequence[str] = ("",)) -> None:
        """Give the people a file of invoices to take in; each has a sum of its own. They have the
        VAT `categories` in turn, each without VAT; "" is the domestic one, with VAT."""
        invoices = []
        for position, number in enumerate(numbers):
            category = categories[position % len(categories)]
            net = (CENT * (100 + len(self.expected))).quantize(CENT)
            vat = Decimal(0) if category else (net * VAT).quantize(CENT, ROUND_HALF_UP)
            row = factories.invoice()["rows"][0] | {"unit_price": str(net)}
            more = {}
            if category:
                row |= {"vat_percent": "0", "vat_category": category}
                buyer = factories.invoice()["buyer"] | {"vat_number": "SE123456789701"}
                more = {"additional_information": "VAT 0 %", "buyer": buyer}
            fields = {"rows": [row], "gross_total": str(net + vat)} | more
            invoices.append(factories.invoice(number, **fields))
            self.expected[slug, number] = net + vat
        file = self.inbox / f"{slug}~{numbers[0]}.part"
        file.write_text(json.dumps({"invoices": invoices}))
        file.rename(file.with_suffix(".json"))

    def end(self, process: subprocess.Popen[str]) -> None:
        """End one process and its children at once."""
        kill_group(process)

    def close(self) -> None:
        """End every process that was started, its children included, and drop the database."""
        for process in reversed(self.processes):
            kill_group(process)
        self.database.drop()

    def log_tail(self, lines: int = 15) -> str:
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"--- {p.name}\n" + "\n".join(_tail(p, lines)) for p in logs)


def _tail(path: Path, lines: int) -> list[str]:
    return path.read_text(errors="replace").splitlines()[-lines:]


def kill_group(process: subprocess.Popen[str]) -> None:
    """SIGKILL to a process and whatever it started; stopped ones too."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def until(condition: Any, seconds: float, what: str) -> Any:
    """Wait for `condition()` to be true and return it. Raises RunFailed with `what`."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise RunFailed(f"Not within {seconds} s: {what}")


@contextlib.contextmanager
def running(database: str, folder: Path, **tuning: str) -> Iterator[Run]:
    run = Run(database, folder, **tuning)
    try:
        yield run
    finally:
        run.close()
