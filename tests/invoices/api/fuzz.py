"""Schemathesis against the API over real HTTP, with all its checks.

`python -m tests.invoices.api.fuzz URL TOKEN [--seconds N] [--examples N] [--seed N]` runs it for
as long as wanted against any server; the test beside it is a short run with a fixed seed.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

#: What the schema cannot say (totals that agree, dates in order) is refused with 422; a number
#: that is there already with 409. Neither is an error of the contract.
_CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422]

[checks.negative_data_rejection]
expected-statuses = [400, 401, 403, 404, 405, 406, 409, 411, 413, 415, 422, 428, 429]

# Of a batch each invoice is refused by itself, in an answer that is 200.
[[operations]]
include-operation-id = "postInvoices"
[operations.checks.negative_data_rejection]
expected-statuses = [200, 400, 401, 403, 404, 405, 406, 409, 411, 413, 415, 422, 428, 429]
"""


#: A thousand bodies, one for each keyword of each field: minutes of a short run.
_SHORT = """
[[operations]]
include-method = "POST"
[operations.phases.coverage]
enabled = false
"""


def run(
    url: str, token: str, *, seed: int, examples: int, seconds: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run it against the server at `url`: for so many seconds, or a short run that is the same
    each time. Exit code 0: no check failed."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "schemathesis.toml")
        config.write_text(_CONFIG if seconds else _CONFIG + _SHORT)
        command = [
            *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config), "run"),
            *("--checks", "all", "--seed", str(seed), "--max-examples", str(examples)),
            *("-H", f"Authorization: Bearer {token}", "--suppress-health-check", "all"),
            *("--continue-on-failure", "--warnings", "off", "--no-color"),
            *(("--max-time", str(seconds)) if seconds else ("--generation-deterministic",)),
            f"{url}/api/v1/openapi.json",
        ]
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("token")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    done = run(
        asked.url, asked.token, seed=asked.seed, examples=asked.examples, seconds=asked.seconds
    )
    print(done.stdout, done.stderr, sep="\n")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
