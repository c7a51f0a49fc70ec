"""The last net under the logs: what opens something is masked, wherever it comes from.

Nothing is meant to reach it: secrets are kept out where they are handled. The path of an intake
link is the exception, because web servers write paths.
"""

from __future__ import annotations

import logging
import re

#: The token of an intake link; what a log-in to Procountor brings back; and whatever looks like a
#: JWT, as API keys and access tokens do.
_SECRETS = re.compile(
    r"(/connect/)[\w-]{16,}|((?:^|[?&])(?:code|state)=)[^&\s\"]+|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
)


def masked(text: str) -> str:
    """`text` without what opens something."""
    return _SECRETS.sub(lambda found: f"{found[1] or found[2] or ''}••••", text)


class MaskingFormatter(logging.Formatter):
    """Masks the finished text, tracebacks too, whichever argument the secret was in."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
