"""Which storage URLs are followed. Pure.

The URL comes from the server, so it could be made to point into the network that the worker stands
in. Here its text is judged; the addresses behind its host are judged on connecting.
"""

from urllib3.exceptions import LocationParseError
from urllib3.util import Url, parse_url

from client.base_url import is_loopback_host
from client.errors import UnsafeUrl


def storage_target(url: str, *, api_on_loopback: bool) -> tuple[str, bool]:
    """The host of a URL that may be followed, and whether it is plain http.

    Plain http is followed to loopback, and that only when the API is on loopback itself. Raises
    `UnsafeUrl`, whose message repeats nothing of the URL but its host.
    """
    parts = _parsed(url)
    host = (parts.host or "").strip("[]")
    if not host or parts.auth is not None:
        raise UnsafeUrl("the storage's URL has no host, or a user in it")
    plain = parts.scheme == "http" and api_on_loopback and is_loopback_host(host)
    if parts.scheme != "https" and not plain:
        raise UnsafeUrl(f"the storage's URL at {host} is not https")
    return host, plain


def _parsed(url: str) -> Url:
    # The same parser as the transport's, so that the host judged is the host connected to.
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise UnsafeUrl("the storage's URL holds characters that no URL may hold")
    try:
        return parse_url(url)
    except LocationParseError:
        pass
    raise UnsafeUrl("the storage's URL cannot be read")
