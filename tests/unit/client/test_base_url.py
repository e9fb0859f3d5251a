import pytest

from client.base_url import endpoint_root, is_loopback_host


@pytest.mark.parametrize(
    ("given", "root"),
    [
        ("https://host.example", "https://host.example/api/worker"),
        ("https://host.example/", "https://host.example/api/worker"),
        ("https://host.example/api", "https://host.example/api/worker"),
        ("https://host.example/api//", "https://host.example/api/worker"),
        ("https://host.example/api/worker/", "https://host.example/api/worker"),
        ("  HTTPS://Host.Example:8443/api \n", "https://host.example:8443/api/worker"),
        ("http://localhost:3000", "http://localhost:3000/api/worker"),
        ("http://127.0.0.1:3000/api", "http://127.0.0.1:3000/api/worker"),
        ("http://[::1]:3000", "http://[::1]:3000/api/worker"),
    ],
)
def test_both_spellings_lead_to_the_same_root(given, root):
    assert endpoint_root(given) == root


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("http://host.example", "https"),
        ("http://192.168.1.2:3000", "https"),
        ("http://localhost.evil.example", "https"),
        ("https://me:hunter2@host.example", "user or a password"),
        ("https://hunter2@host.example", "user or a password"),
        ("https://host.example/api?key=hunter2", "query"),
        ("https://host.example/#hunter2", "fragment"),
        ("https://host.example/hunter2", "end after its host"),
        ("https://host.example/api/worker/next-task", "end after its host"),
        ("https://host\n.example/hunter2", "control character"),
        ("https://good.example\\@evil.example", "backslash"),
        ("https://host.example:hunter2", "form"),
        ("https://host.example:0", "form"),
        ("https://[::1", "form"),
        ("ftp://host.example", "form"),
        ("host.example", "form"),
        ("https://", "form"),
        ("", "form"),
    ],
)
def test_other_urls_are_refused_without_repeating_a_secret(given, part):
    with pytest.raises(ValueError, match=part) as refused:
        endpoint_root(given)
    assert "hunter2" not in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST.", "api.localhost", "127.8.9.1", "::1"])
def test_loopback_is_known_by_name_and_by_number(host):
    assert is_loopback_host(host)


@pytest.mark.parametrize("host", ["localhost.example", "10.0.0.1", "0.0.0.0", "", "::2"])
def test_other_hosts_are_not_loopback(host):
    assert not is_loopback_host(host)
