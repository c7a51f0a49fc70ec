"""Where a webhook may go: https, and public addresses only.

A name is judged by what it leads to at the moment of the connection (`posting`), not here: between
a look-up and a connection the answer can change.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from invoices.public_addresses import is_public

_PLAIN = re.compile(r"[!-~]+")


class AddressRefused(ValueError):
    """`code` is one of: not_an_address, not_https, has_credentials, not_public."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def checked(url: str) -> SplitResult:
    """The parts of an address that may be posted to, as far as its text tells. Raises
    AddressRefused."""
    try:
        parts = urlsplit(url)
        port, host = parts.port, parts.hostname or ""
        host.encode("idna")
    except ValueError:
        raise AddressRefused("not_an_address") from None
    if not host or port == 0 or parts.fragment or not _PLAIN.fullmatch(url):
        raise AddressRefused("not_an_address")
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.WEBHOOK_ALLOW_HTTP):
        raise AddressRefused("not_https")
    if parts.username is not None or parts.password is not None:
        raise AddressRefused("has_credentials")
    if _is_ip(host) and not is_allowed(host):
        raise AddressRefused("not_public")
    return parts


def is_allowed(ip: str) -> bool:
    """Whether a connection may lead to this IP address."""
    found = ipaddress.ip_address(ip.partition("%")[0])
    exceptions = [ipaddress.ip_network(text) for text in settings.WEBHOOK_ALLOWED_NETWORKS]
    return any(found in network for network in exceptions) or is_public(ip)


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
