"""The Worker API's address, as people write it in their settings."""

import ipaddress
from urllib.parse import SplitResult, urlsplit


def endpoint_root(url: str) -> str:
    """`<origin>/api/worker` for a given `https://host[:port][/api[/worker]]`, slashes at will.

    Never ends in a slash, since the server answers one with a redirect. Raises ValueError with a
    sentence for the settings' author, which repeats nothing of the URL but its scheme.
    """
    parts = _split(url)
    _refuse_extras(parts)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback_host(host):
        raise ValueError("The API's URL must begin with https:// (http:// only on this machine).")
    shown_host = f"[{host}]" if ":" in host else host
    port = "" if parts.port is None else f":{parts.port}"
    return f"{parts.scheme}://{shown_host}{port}/api/worker"


def is_loopback_host(host: str) -> bool:
    """Whether a host name or a literal address means this machine. Nothing is looked up."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult:
    # urlsplit drops tabs and newlines without a word, so they are refused before it sees them.
    if not url.strip().isprintable() or any(c.isspace() or c == "\\" for c in url.strip()):
        raise ValueError("The API's URL holds a blank, a backslash or a control character.")
    try:
        parts = urlsplit(url.strip())
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError("The API's URL is not of the form https://host or https://host/api.")
    return parts


def _refuse_extras(parts: SplitResult) -> None:
    if parts.username is not None or parts.password is not None:
        raise ValueError("The API's URL must not hold a user or a password; the key is a setting.")
    if parts.query or parts.fragment:
        raise ValueError("The API's URL must not have a query or a fragment ('?…', '#…').")
    if parts.path.rstrip("/") not in {"", "/api", "/api/worker"}:
        raise ValueError("The API's URL must end after its host, or in /api.")
