"""Quantities of CPU and memory, and the split of instances among stage resources: nothing is given away twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.easymaker.catalogue import Flavor
from adapters.easymaker.errors import InvalidRequest
from adapters.easymaker.kinds.quantity import Share, Wish, cpu_milli, memory_mib, split

FLAVOR = Flavor(name="m2.c4m8", vcpus=4, ram=8192)
GPU = Flavor(name="g2", vcpus=8, ram=65536, gpu_flavor=True, gpu_count=2)
cpus = st.integers(1, 8000).map(lambda milli: f"{milli}m")
memories = st.integers(1, 20000).map(lambda mib: f"{mib}Mi")
wishes = st.builds(
    Wish,
    label=st.just("resource"),
    cpu=st.none() | cpus,
    memory=st.none() | memories,
    gpu=st.sampled_from([None, "0", "1", "3"]),
    percent=st.none() | st.integers(1, 100),
    pods=st.integers(1, 5),
)
shares = st.builds(Share, st.integers(1, 4000), st.integers(1, 8000), st.just(0), st.integers(1, 3))


def wish(**changes: object) -> Wish:
    values: dict[str, object] = {"cpu": None, "memory": None, "gpu": None, "percent": None, "pods": 1} | changes
    return Wish("resource", **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "milli"), [("500m", 500), ("1", 1000), ("1.5", 1500), ("0.001", 1), ("0", 0), ("2.0", 2000)]
)
def test_cpu(text: str, milli: int) -> None:
    assert cpu_milli(text) == milli


@pytest.mark.parametrize(
    ("text", "mib"),
    [("4Gi", 4096), ("4096Mi", 4096), ("1Ki", 1), ("1G", 954), ("1048576", 1), ("1.5Gi", 1536), ("1Ti", 1024**2)],
)
def test_memory_is_rounded_up_to_mib(text: str, mib: int) -> None:
    assert memory_mib(text) == mib


@pytest.mark.parametrize("text", ["", "x", "1Xi", "1,5", "--1", "1..2", "Gi"])
def test_what_is_no_quantity_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        memory_mib(text)
    with pytest.raises(InvalidRequest):
        cpu_milli(text)


@given(st.lists(wishes, min_size=1, max_size=5), st.lists(shares, max_size=3), st.integers(1, 10))
def test_a_split_fits_or_is_refused(asked: list[Wish], taken: list[Share], nodes: int) -> None:
    """Whatever is asked: every pod fits one instance, all pods fit all instances, and explicit wishes are kept."""
    try:
        given_out = split(GPU, nodes, taken, asked)
    except InvalidRequest:
        return
    everything = [*taken, *given_out]
    assert sum(s.cpu_milli * s.pods for s in everything) <= GPU.usable_cpu_milli * nodes
    assert sum(s.memory_mib * s.pods for s in everything) <= GPU.usable_memory_mib * nodes
    assert sum(s.gpu * s.pods for s in given_out) <= GPU.gpu_count * nodes
    for one, share in zip(asked, given_out, strict=True):
        assert 0 < share.cpu_milli <= GPU.usable_cpu_milli
        assert 0 < share.memory_mib <= GPU.usable_memory_mib
        assert share.pods == one.pods
        assert one.cpu is None or share.cpu_milli == cpu_milli(one.cpu)
        assert one.memory is None or share.memory_mib == memory_mib(one.memory)


@given(st.integers(1, 10), st.integers(1, 4))
def test_without_wishes_the_shares_are_equal(resources: int, nodes: int) -> None:
    given_out = split(FLAVOR, nodes, (), [wish() for _ in range(resources)])
    assert len({(s.cpu_milli, s.memory_mib) for s in given_out}) == 1
    assert given_out[0].cpu_milli == min(FLAVOR.usable_cpu_milli * nodes // resources, FLAVOR.usable_cpu_milli)


def test_exactly_full_and_one_more() -> None:
    """The default usage of the instance is not to be given away (guide, appendix 9)."""
    full = {"cpu": "3500m", "memory": f"{8192 - 1024}Mi"}
    assert split(FLAVOR, 1, (), [wish(**full)]) == [Share(3500, 7168, 0, 1)]
    for beyond in ({"cpu": "3501m"}, {"memory": "7169Mi"}, {"gpu": "1"}, {"pods": 2}):
        with pytest.raises(InvalidRequest):
            split(FLAVOR, 1, (), [wish(**(full | beyond))])
    with pytest.raises(InvalidRequest, match="left"):
        split(FLAVOR, 1, [Share(3500, 7168, 0, 1)], [wish()])


def test_percentages_are_of_one_instance() -> None:
    assert split(FLAVOR, 2, (), [wish(percent=100), wish(percent=50, pods=2)]) == [
        Share(3500, 7168, 0, 1),
        Share(1750, 3584, 0, 2),
    ]
    with pytest.raises(InvalidRequest):
        split(FLAVOR, 1, (), [wish(percent=51), wish(percent=50)])
