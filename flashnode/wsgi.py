"""WSGI entry point for gunicorn and the development server."""

import gc
import os
from collections.abc import Callable, Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "flashnode.settings")
#: What browsers and our own clients write.
_CHARSETS = ("utf-8", "utf8", "us-ascii", "iso-8859-1", "latin-1", "windows-1252")


def only_usual_charsets(application: Callable[..., Any]) -> Callable[..., Iterable[bytes]]:
    """Refuse a request in a charset that nobody uses: Django reads it before any of its own
    handling of errors begins, and some of them break it (hex, utf-7)."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        _type, _equals, charset = environ.get("CONTENT_TYPE", "").lower().partition("charset=")
        if charset and charset.strip("\" ';").split(";")[0].strip("\" '") not in _CHARSETS:
            start_response("400 Bad Request", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"The charset of the request is not supported: use utf-8.\n"]
        answer: Iterable[bytes] = application(environ, start_response)
        return answer

    return guarded


def settled() -> None:
    """Leave what is loaded by now out of every later search for garbage: it stays as long as the
    process, and looking through all of it takes longer than a page."""
    gc.collect()
    gc.freeze()


application = only_usual_charsets(get_wsgi_application())
settled()
