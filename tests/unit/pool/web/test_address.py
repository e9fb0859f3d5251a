"""Where the status page may listen."""

import pytest

from pool.web.address import Address, is_this_machine, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("127.0.0.1:9400", "127.0.0.1", 9400),
        ("9400", "127.0.0.1", 9400),
        (" localhost:0 ", "localhost", 0),
        ("[::1]:9400", "::1", 9400),
        ("0.0.0.0:80", "0.0.0.0", 80),
    ],
)
def test_an_address_is_a_host_and_a_port_or_a_port_alone(text, host, port):
    assert parse_address(text) == Address(host, port)


@pytest.mark.parametrize("text", ["", "here", "127.0.0.1:", "127.0.0.1:70000", "a:b:1", "::1:80"])
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"it must be HOST:PORT, as 127\.0\.0\.1:9400"):
        parse_address(text)


def test_an_address_can_be_read_back():
    assert str(parse_address("[::1]:9400")) == "[::1]:9400"
    assert str(parse_address("9400")) == "127.0.0.1:9400"


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_this_machine_has_these_names(host):
    assert is_this_machine(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "localhost.example", "gpu-box"])
def test_every_other_name_may_be_another_machines(host):
    assert not is_this_machine(host)
