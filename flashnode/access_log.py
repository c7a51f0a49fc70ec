"""gunicorn's logs without secrets: `--logger-class flashnode.access_log.AccessLogger`."""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger

from flashnode.logs import MaskingFormatter, masked


class AccessLogger(Logger):  # type: ignore[misc]  # the library is untyped
    def setup(self, cfg: Any) -> None:
        """The error log writes whole addresses too, when a worker times out or a request breaks."""
        super().setup(cfg)
        for logger, form in (
            (self.error_log, self.error_fmt),
            (self.access_log, self.access_fmt),
        ):
            for handler in logger.handlers:
                handler.setFormatter(MaskingFormatter(form, self.datefmt))

    def atoms(self, *args: Any) -> dict[str, Any]:
        atoms: dict[str, Any] = super().atoms(*args)
        return {k: masked(v) if isinstance(v, str) else v for k, v in atoms.items()}
