import pytest

from server.errors import BadSignature, LinkExpired
from server.signing import URL_LIFETIME_S, Signer

NOW = 1000.5
PATH = "/storage/generated-videos/x.mp4"


@pytest.fixture
def signer() -> Signer:
    return Signer("secret", "http://127.0.0.1:3000")


def parts(url: str) -> tuple[str, str]:
    expires, signature = url.partition("?")[2].split("&")
    return expires.removeprefix("expires="), signature.removeprefix("signature=")


def test_a_url_is_good_until_the_second_it_expires(signer):
    expires, signature = parts(signer.url("PUT", PATH, NOW))
    assert int(expires) == 1000 + URL_LIFETIME_S
    signer.check("PUT", PATH, expires, signature, int(expires) - 0.001)
    with pytest.raises(LinkExpired):
        signer.check("PUT", PATH, expires, signature, int(expires))


@pytest.mark.parametrize("change", ["method", "path", "expires", "signature", "nothing at all"])
def test_whatever_is_changed_the_signature_is_wrong(signer, change):
    expires, signature = parts(signer.url("PUT", PATH, NOW))
    method = "GET" if change == "method" else "PUT"
    path = PATH + "/" if change == "path" else PATH
    expires = "9" + expires if change == "expires" else expires
    signature = "" if change == "signature" else signature
    if change == "nothing at all":
        signer.check(method, path, expires, signature, NOW)
        return
    with pytest.raises(BadSignature):
        signer.check(method, path, expires, signature, NOW)


def test_another_secret_signs_otherwise(signer):
    expires, signature = parts(Signer("other", "http://127.0.0.1:3000").url("PUT", PATH, NOW))
    with pytest.raises(BadSignature):
        signer.check("PUT", PATH, expires, signature, NOW)


def test_an_expiry_that_is_no_number_never_gets_past_the_signature(signer):
    with pytest.raises(BadSignature):
        signer.check("PUT", PATH, "soon", "é", NOW)


def test_neither_secret_nor_key_shows_in_a_repr(signer):
    assert "secret" not in repr(signer)
