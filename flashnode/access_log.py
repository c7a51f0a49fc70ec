"""gunicorn's access log without secrets: `--logger-class flashnode.access_log.AccessLogger`."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from flashnode.logs import masked


class AccessLogger(Logger):  # type: ignore[misc]  # the library is untyped
    def atoms(self, *args: Any) -> dict[str, Any]:
        atoms: dict[str, Any] = super().atoms(*args)
        return {k: masked(v) if isinstance(v, str) else v for k, v in atoms.items()}
