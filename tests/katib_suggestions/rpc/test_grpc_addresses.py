"""Addresses of other services, as people and Katib write them."""

import pytest

from katib_suggestions.rpc.channel import target
from katib_suggestions.rpc.errors import BadAddress


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("katib-db-manager.kubeflow:6789", "katib-db-manager.kubeflow:6789"),
        ("katib-db-manager.kubeflow", "katib-db-manager.kubeflow:6789"),
        ("127.0.0.1:5000", "127.0.0.1:5000"),
        ("[::1]:5000", "[::1]:5000"),
        ("[::1]", "[::1]:6789"),
        ("fd00::12", "[fd00::12]:6789"),
        ("unix:/run/db.sock", "unix:/run/db.sock"),
    ],
)
def test_a_port_may_be_left_out_and_a_socket_named(address: str, expected: str) -> None:
    assert target(address, 6789) == expected


@pytest.mark.parametrize(
    "address",
    ["", ":6789", "host:port", "host:0", "host:70000", "a b:1", "http://host:1", "1:2:3", "-x:1"],
)
def test_what_is_no_address_is_refused_at_once(address: str) -> None:
    with pytest.raises(BadAddress, match="is no address"):
        target(address, 6789)
