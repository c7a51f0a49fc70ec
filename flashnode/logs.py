"""The last net under the logs: what opens something is masked, wherever it comes from.

Nothing is meant to reach it: secrets are kept out where they are handled. The path of an intake
link is the exception, because web servers write paths.
"""

from __future__ import annotations

import logging
import re
from urllib.parse import unquote

#: The token of an intake link; what a log-in to Procountor brings back; whatever looks like a JWT,
#: as API keys and access tokens do; tokens of our own API; and what signs webhooks.
_SECRETS = re.compile(
    r"(/connect/)[\w-]{16,}|((?:^|[?&])(?:code|state)=)[^&\s\"]+|\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]{8,}"
    r"|(fnk_|whsec_)[A-Za-z0-9+/=_-]{16,}"
)


#: Link rewriters of mail programs encode an address inside another one.
_MOST_LAYERS = 4


def masked(text: str) -> str:
    """`text` without what opens something; decoded where it was hidden by percent signs."""
    shown, found = text, False
    for _layer in range(_MOST_LAYERS):
        hidden = _SECRETS.sub(lambda match: f"{match[1] or match[2] or match[3] or ''}••••", shown)
        found = found or hidden != shown
        shown = unquote(hidden)
        if shown == hidden:
            break
        shown = shown.replace("\r", "?").replace("\n", "?") if "\n" not in hidden else shown
    # A decoded line break would begin a line of its own.
    return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in shown) if found else text


class MaskingFormatter(logging.Formatter):
    """Masks the finished text, tracebacks too, whichever argument the secret was in."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))
