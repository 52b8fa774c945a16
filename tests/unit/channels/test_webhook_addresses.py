"""Which machines webhooks may reach."""

import pytest

from channels.webhook.allowed_addresses import AddressPolicy, Forbidden

# A first and a last address of each range that IANA's special-purpose registries
# do not give out to the public, and those that clouds keep for their metadata.
REFUSED = [
    "0.0.0.0", "0.255.255.255", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200",
    "127.0.0.1", "127.255.255.255", "169.254.169.254", "168.63.129.16", "172.16.0.1",
    "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
    "198.19.255.255", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b:1::1", "100::1", "2001::1", "2001:db8::1", "2002:7f00:1::1", "3fff::1", "5f00::1",
    "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1",
]  # fmt: skip
PERMITTED = [
    "1.1.1.1", "8.8.8.8", "93.184.215.14", "100.63.255.255", "100.128.0.1", "172.15.255.255",
    "172.32.0.1", "192.167.255.255", "198.17.255.255", "223.255.255.255", "168.63.129.17",
    "2606:4700:4700::1111", "2a00:1450:4007:80e::200e", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8",
]  # fmt: skip


@pytest.mark.parametrize("address", REFUSED)
def test_an_address_off_the_public_internet_is_refused(address: str) -> None:
    assert not AddressPolicy().permits(address)


@pytest.mark.parametrize("address", PERMITTED)
def test_a_public_address_is_permitted(address: str) -> None:
    assert AddressPolicy().permits(address)


def test_an_allowed_network_is_permitted_and_no_other() -> None:
    policy = AddressPolicy(["10.1.0.0/16", " fd00::/8"])
    assert policy.permits("10.1.2.3")
    assert policy.permits("::ffff:10.1.2.3")
    assert policy.permits("fd12::1")
    assert not policy.permits("10.2.0.1")
    assert not policy.permits("127.0.0.1")


def test_only_the_permitted_addresses_of_a_host_are_used() -> None:
    policy = AddressPolicy()
    assert policy.permitted("x.example", ["10.0.0.1", "8.8.8.8", "::1"]) == ["8.8.8.8"]
    with pytest.raises(Forbidden, match=r"x\.example is at 10\.0\.0\.1, ::1, which"):
        policy.permitted("x.example", ["10.0.0.1", "::1"])


@pytest.mark.parametrize("text", ["10.1.0.1/16", "10.0.0.0/33", "intranet", ""])
def test_what_is_no_network_cannot_be_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="PARCOURS_WEBHOOK_ALLOW"):
        AddressPolicy([text])
