"""What the processes of a cluster are and do, read from /proc (Linux)."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

PROC = Path("/proc")


def children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        lists = [path.read_text() for path in PROC.glob(f"{pid}/task/*/children")]
        return [int(child) for text in lists for child in text.split()]
    return []


def cpu_ticks(pid: int) -> int:
    """User and system time used so far; 0 for a process that is gone."""
    with contextlib.suppress(OSError):
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


def state(pid: int) -> str:
    """R running, S sleeping, T stopped, Z dead; "" when gone."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    return ""


def talks_to(pid: int, port: int) -> bool:
    """Has the process an open connection to this port of this machine?"""
    sockets = set()
    with contextlib.suppress(OSError):
        for entry in (PROC / str(pid) / "fd").iterdir():
            with contextlib.suppress(OSError):
                sockets.add(entry.readlink().name)
    lines = (PROC / "net" / "tcp").read_text().splitlines()[1:]
    for fields in map(str.split, lines):
        remote, connection_state, inode = fields[2], fields[3], fields[9]
        established = connection_state == "01"
        if established and remote.endswith(f":{port:04X}") and f"socket:[{inode}]" in sockets:
            return True
    return False


def signalled(pid: int, number: signal.Signals) -> bool:
    """Send a signal; False when the process was gone already."""
    if state(pid) in ("", "Z"):
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
        return True
    return False


class ClusterProcesses:
    """django-q2's tree: main process → sentinel → workers, monitor and pusher."""

    def __init__(self, main: int, sandbox_port: int) -> None:
        self.main, self._port = main, sandbox_port
        self._ticks: dict[int, int] = {}

    @property
    def sentinel(self) -> int | None:
        return next(iter(children(self.main)), None)

    @property
    def below(self) -> list[int]:
        """Workers, monitor and pusher that live."""
        found = children(self.sentinel) if self.sentinel else []
        return [pid for pid in found if state(pid) not in ("", "Z")]

    def busy(self) -> list[int]:
        """Workers that talk to Procountor and used the processor since the last question."""
        used = {pid: cpu_ticks(pid) for pid in self.below}
        earlier, self._ticks = self._ticks, used
        return [
            pid
            for pid, ticks in used.items()
            if ticks > earlier.get(pid, ticks) and talks_to(pid, self._port)
        ]

    def idle(self) -> list[int]:
        """Whatever below the sentinel has no connection to Procountor: idle workers, the
        monitor, the pusher."""
        return [pid for pid in self.below if not talks_to(pid, self._port)]
