import ipaddress

import pytest

from client.addresses import admitted, is_public
from client.errors import UnsafeUrl
from client.storage_url import storage_target


def test_an_https_url_is_followed():
    assert storage_target("https://s.example:8443/o?token=x", api_on_loopback=False) == (
        "s.example",
        False,
    )


@pytest.mark.parametrize("url", ["http://localhost:9/o", "http://127.0.0.1/o", "http://[::1]:9/o"])
def test_plain_http_is_followed_to_loopback_when_the_api_is_there(url):
    assert storage_target(url, api_on_loopback=True)[1] is True
    with pytest.raises(UnsafeUrl):
        storage_target(url, api_on_loopback=False)


@pytest.mark.parametrize(
    "url",
    [
        "http://s.example/o?token=canary",
        "http://192.168.0.1/o?token=canary",
        "ftp://s.example/canary",
        "file:///etc/canary",
        "/o?token=canary",
        "https:///o?token=canary",
        "https://canary@s.example/o",
        "https://a:canary@s.example/o",
        "https://s.example\\@evil.example/canary",
        "https://s.example/a b?canary",
        "https://s.example/\r\nHost: canary",
        "https://s.example:99999/canary",
        "https://[::1/canary",
        "https://스토리지.example/canary",
    ],
)
@pytest.mark.parametrize("api_on_loopback", [True, False])
def test_other_urls_are_refused_without_repeating_a_token(url, api_on_loopback):
    with pytest.raises(UnsafeUrl) as refused:
        storage_target(url, api_on_loopback=api_on_loopback)
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fd00::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::",
        "2001:db8::1",
    ],
)
def test_an_inward_address_is_not_public(address):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"]
)
def test_an_address_of_the_open_internet_is_public(address):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    ("plain", "inward", "allowed"),
    [
        (True, True, {"127.0.0.1"}),
        (True, False, {"127.0.0.1"}),
        (False, True, {"127.0.0.1", "10.0.0.1", "1.1.1.1"}),
        (False, False, {"1.1.1.1"}),
    ],
)
def test_the_rule_for_addresses(plain, inward, allowed):
    admits = admitted(plain=plain, inward=inward)
    found = {a for a in ("127.0.0.1", "10.0.0.1", "1.1.1.1") if admits(ipaddress.ip_address(a))}
    assert found == allowed
