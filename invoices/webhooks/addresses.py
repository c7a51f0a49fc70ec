"""Where a webhook may go: https, and public addresses only.

A name is judged by what it leads to at the moment of the connection (`posting`), not here: between
a look-up and a connection the answer can change. Source of the ranges: IANA's special-purpose
registries, as the standard library has them.
"""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

_PLAIN = re.compile(r"[!-~]+")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


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
    return any(found in network for network in exceptions) or _is_public(found)


def _is_public(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(ip, ipaddress.IPv6Address):
        if any(not _is_public(inner) for inner in _inside(ip)):
            return False
        if ip.ipv4_mapped is not None:
            return True
        if ip.is_site_local:
            return False
    return ip.is_global and not ip.is_multicast and not ip.is_reserved


def _inside(ip: ipaddress.IPv6Address) -> list[ipaddress.IPv4Address]:
    """The IPv4 addresses that an IPv6 one may be routed to."""
    found = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
    if ip in _NAT64:
        found.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
    return [each for each in found if each is not None]


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
