"""To which addresses a connection may be made. Pure; asked by `client.connection`.

Judged is every address that a host's name turns out to have, at the moment of connecting: IPv4 in
all its spellings, IPv6, and IPv4 inside IPv6. Not covered: a public address that the worker's own
network routes inward.
"""

import ipaddress

from client.attempt import Address, Admits

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


def admitted(*, plain: bool, inward: bool) -> Admits:
    """The rule for one call: plain http to loopback only; to inward addresses where allowed."""
    if plain:
        return is_loopback
    return _is_any if inward else is_public


def is_loopback(address: Address) -> bool:
    """Whether an address means this machine."""
    return address.is_loopback


def is_public(address: Address) -> bool:
    """Whether an address lies on the open internet, also where it only wraps an IPv4 address."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = _wrapped(address)
        if inner is not None:
            return is_public(inner)
        if address.is_site_local:
            return False
    return address.is_global and not address.is_multicast


def _wrapped(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped or address.sixtofour


def _is_any(_address: Address) -> bool:
    return True
