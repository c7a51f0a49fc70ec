"""`python3 -m flashnode demo` and `python3 -m flashnode test`: from nothing to a result.

Needs Python and pip only: makes `.venv`, installs the locked requirements into it, and runs
the rest inside. Standard library only, because nothing else is there yet.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
LOCK = ROOT / "requirements.txt"
STAMP = VENV / "installed.sha256"

USAGE = """usage: python3 -m flashnode COMMAND

  demo [--once] [--port N]   start everything with a simulated Procountor and show it at work
  test [pytest options]      run all tests
  install                    make .venv and install the locked requirements
"""


def install() -> None:
    """Make the environment and install into it, unless it holds just this lock already."""
    if sys.version_info < (3, 11):  # noqa: UP036 - whoever has an older one reads the sentence
        sys.exit("Python 3.11 or newer is needed.")
    wanted = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == wanted:
        return
    print("Installing into .venv (the first time takes a minute) …", flush=True)
    if not PYTHON.exists():
        # Without pip: some systems ship venv without the module that would put pip there.
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(VENV)], check=True)
    # The interpreter outside: the environment itself was made without pip.
    outside = getattr(sys, "_base_executable", "") or sys.executable
    pip = [outside, "-m", "pip", "--python", str(PYTHON)]
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
    subprocess.run([*pip, "install", *options, "-r", str(LOCK)], check=True)
    STAMP.write_text(wanted)


def main(arguments: list[str]) -> int:
    command = arguments[0] if arguments else ""
    if command not in ("demo", "test", "install"):
        print(USAGE)
        return 0 if command in ("", "-h", "--help") else 2
    try:
        install()
    except subprocess.CalledProcessError as error:
        print(f"Installing failed (exit code {error.returncode}); see above.", file=sys.stderr)
        return 1
    # By file, in the order of tests/conftest.py: xdist's own would begin the longest ones last.
    spread = ["-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder"]
    inside = {
        "demo": ["-m", "flashnode.demo", *arguments[1:]],
        "test": ["-m", "pytest", *spread, *arguments[1:]],
        "install": ["-c", "print('Installed.')"],
    }[command]
    # In place of this process, so that Ctrl-C reaches what cleans up and nothing kills it first.
    sys.stdout.flush()
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), *inside])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
