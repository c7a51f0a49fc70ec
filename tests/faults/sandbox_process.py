"""The sandbox as a process of its own whose request log is long enough for a whole run."""

from __future__ import annotations

import json
import os
import sys
import urllib.request
from decimal import Decimal
from typing import Any

from integrations.sandbox import Sandbox, SandboxServer, state


class SandboxControl:
    """Asks the control interface of a sandbox in another process."""

    def __init__(self, address: str) -> None:
        self.address = address

    def __call__(self, path: str, body: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.address}/_sandbox/{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer, parse_float=Decimal)


def main() -> None:
    state.KEPT_REQUESTS = 5_000_000
    sandbox = Sandbox(
        os.environ["PROCOUNTOR_TEST_CLIENT_ID"],
        os.environ["PROCOUNTOR_TEST_CLIENT_SECRET"],
        os.environ["PROCOUNTOR_TEST_REDIRECT_URI"],
    )
    with SandboxServer(sandbox) as server:
        print(server.address, flush=True)
        sys.stdin.read()  # until the run ends, also when it ends by a kill


if __name__ == "__main__":
    main()
