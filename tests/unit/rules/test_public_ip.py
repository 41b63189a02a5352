"""Which addresses a farm may offer."""

import pytest

from tfchain.rules.public_ip import is_public, number_of


@pytest.mark.parametrize(
    ("ip", "gateway"),
    [
        pytest.param("185.69.166.5/24", "185.69.166.1", id="a usual one"),
        pytest.param("8.8.8.8/1", "100.0.0.1", id="the widest network"),
        pytest.param("172.32.0.2/16", "172.32.0.1", id="right after a private network"),
    ],
)
def test_a_public_address_and_its_gateway(ip: str, gateway: str) -> None:
    assert is_public(ip, gateway)


@pytest.mark.parametrize(
    ("ip", "gateway"),
    [
        pytest.param("10.0.0.5/24", "10.0.0.1", id="private"),
        pytest.param("192.168.1.2/24", "192.168.1.1", id="private at home"),
        pytest.param("172.31.0.2/16", "172.31.0.1", id="private, its last network"),
        pytest.param("127.0.0.1/8", "127.0.0.2", id="the machine itself"),
        pytest.param("239.1.2.3/24", "239.1.2.1", id="for many at once"),
        pytest.param("185.69.166.5/24", "185.69.167.1", id="gateway in another network"),
        pytest.param("185.69.166.5/32", "185.69.166.1", id="a network of one"),
        pytest.param("185.69.166.5/24", "185.69.166.5", id="its own gateway"),
        pytest.param("185.69.166.5/0", "185.69.166.1", id="no network"),
        pytest.param("185.69.166.5", "185.69.166.1", id="no length"),
        pytest.param("185.69.166.5/33", "185.69.166.1", id="too long a length"),
        pytest.param("185.69.166/24", "185.69.166.1", id="three numbers"),
        pytest.param("185.69.166.256/24", "185.69.166.1", id="a number too large"),
        pytest.param("185.69.166.05/24", "185.69.166.1", id="a zero in front"),
        pytest.param("185.69..5/24", "185.69.166.1", id="a number missing"),
        pytest.param("185.69.166.5/24", "185.69.166", id="half a gateway"),
        pytest.param("185.69.166.x/24", "185.69.166.1", id="a letter"),
        pytest.param("185.69.1666.5/24", "185.69.166.1", id="four digits"),
    ],
)
def test_what_is_none(ip: str, gateway: str) -> None:
    assert not is_public(ip, gateway)


def test_an_address_is_its_32_bits() -> None:
    assert number_of("1.2.3.4") == 0x01020304
