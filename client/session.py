"""The one `requests.Session` of a child process."""

import logging
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.cookies import RequestsCookieJar

from client.connection import PatientPool, PatientTlsPool


def build_session() -> requests.Session:
    """A session that several threads may use at once: a heartbeat runs beside an upload.

    It keeps nothing between two calls: no cookie, no connection, no redirect. It reads nothing from
    its surroundings (`trust_env` is off): a `.netrc` could replace the worker's key by another
    password, and behind a proxy of the environment (`HTTPS_PROXY`) the address that a storage URL
    leads to could not be judged. TLS certificates are verified against certifi's list.
    """
    session = _Session()
    session.trust_env = False
    session.cookies = RequestsCookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    session.headers.clear()
    session.headers.update(
        {
            "User-Agent": "gpu-worker-pool",
            "Accept": "*/*",
            "Accept-Encoding": "identity",  # sizes are capped as received; nothing is unpacked
            "Connection": "close",
        }
    )
    session.mount("https://", _Adapter())
    session.mount("http://", _Adapter())
    _silence_urllib3()
    return session


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: a redirect is an answer like any other.

        With `allow_redirects=False` alone, requests still prepares the next request, and reads the
        redirect's whole body into memory for that.
        """


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": PatientPool, "https": PatientTlsPool}


def _silence_urllib3() -> None:
    # Its DEBUG lines, and some warnings, hold whole URLs with their tokens. What matters of them is
    # in our own errors.
    logging.getLogger("urllib3").setLevel(logging.CRITICAL + 1)
