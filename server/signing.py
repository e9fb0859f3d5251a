"""URLs that carry their own permission: one method, one path, until one instant.

The signature is HMAC-SHA256 over the three, under a key derived from the data folder's secret, so
that links survive a restart and no other use of the secret can forge one.
"""

import hashlib
import hmac

from server.errors import BadSignature, LinkExpired

URL_LIFETIME_S = 3600
"""How long a presigned URL is good. An upload that began in time may end later."""


class Signer:
    """Makes and checks presigned URLs under `base_url`, the address that workers can reach."""

    def __init__(self, secret: str, base_url: str) -> None:
        self._key = hmac.digest(secret.encode(), b"presigned storage URL, v1", hashlib.sha256)
        self._base_url = base_url

    def url(self, method: str, path: str, now: float) -> str:
        """A URL that allows `method` on `path` for `URL_LIFETIME_S` seconds from `now`."""
        expires = str(int(now) + URL_LIFETIME_S)
        signature = self._sign(method, path, expires)
        return f"{self._base_url}{path}?expires={expires}&signature={signature}"

    def check(self, method: str, path: str, expires: str, signature: str, now: float) -> None:
        """Raise `BadSignature` or `LinkExpired` unless the URL allows `method` on `path` now.

        `expires` is read as a number only after the signature has vouched for it.
        """
        expected = self._sign(method, path, expires)
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise BadSignature("the URL was not signed by this server for this method and path")
        if now >= int(expires):
            raise LinkExpired("the signed URL has expired; ask for a fresh one")

    def _sign(self, method: str, path: str, expires: str) -> str:
        message = f"{method}\n{path}\n{expires}".encode()
        return hmac.new(self._key, message, hashlib.sha256).hexdigest()
