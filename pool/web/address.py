"""Where the status page listens: on this machine alone, unless it is told otherwise."""

import ipaddress
import re
from dataclasses import dataclass

_FORM = re.compile(r"(?:(?P<host>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+):)?(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Address:
    """A host to listen on and a port; 0 takes any that is free."""

    host: str
    port: int

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return is_this_machine(self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str) -> Address:
    """`127.0.0.1:9400`, `[::1]:9400`, or a port alone. Raises ValueError with a sentence."""
    found = _FORM.fullmatch(text.strip())
    if found is None or int(found["port"]) > 65_535:
        raise ValueError("it must be HOST:PORT, as 127.0.0.1:9400")
    return Address((found["host"] or "127.0.0.1").strip("[]"), int(found["port"]))


def is_this_machine(host: str) -> bool:
    """Whether a host's name means this machine. Pure: no name is looked up."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
