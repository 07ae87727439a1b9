"""Kubernetes quantities of CPU and memory, and the split of an instance among stage resources (appendix 9)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from adapters.easymaker.catalogue import Flavor
from adapters.easymaker.errors import InvalidRequest

_MIB = Decimal(1024) ** 2
_FACTORS = {
    "": Decimal(1),
    "k": Decimal(10) ** 3,
    "M": Decimal(10) ** 6,
    "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12,
    "Ki": Decimal(1024),
    "Mi": Decimal(1024) ** 2,
    "Gi": Decimal(1024) ** 3,
    "Ti": Decimal(1024) ** 4,
}


def _number(text: str, value: str, what: str) -> Decimal:
    try:
        return Decimal(value)
    except InvalidOperation as error:
        raise InvalidRequest(f"{what}: {text!r} is no quantity; write for example 500m, 2 or 4096Mi") from error


def cpu_milli(text: str) -> int:
    """CPU in thousandths: ``"1.5"`` → 1500, ``"500m"`` → 500."""
    if text.endswith("m"):
        return int(_number(text, text[:-1], "cpu"))
    return int(_number(text, text, "cpu") * 1000)


def memory_mib(text: str) -> int:
    """Memory in MiB, rounded up: ``"4Gi"`` → 4096."""
    unit = text.lstrip("0123456789.")
    if unit not in _FACTORS:
        raise InvalidRequest(f"memory: {text!r} has an unknown unit; write for example 4096Mi or 4Gi")
    return math.ceil(_number(text, text[: len(text) - len(unit)], "memory") * _FACTORS[unit] / _MIB)


@dataclass(frozen=True)
class Share:
    """What one pod of a stage resource gets, and how many pods there are."""

    cpu_milli: int
    memory_mib: int
    gpu: int
    pods: int


@dataclass(frozen=True)
class Wish:
    """What a request asks for one pod: quantities, a percentage of the instance, or nothing (an equal share)."""

    label: str
    cpu: str | None
    memory: str | None
    gpu: str | None
    percent: int | None
    pods: int


def split(flavor: Flavor, nodes: int, taken: Sequence[Share], wishes: Sequence[Wish]) -> list[Share]:
    """Give every wish its share of ``nodes`` instances, of which ``taken`` is given away already.

    Raises:
        InvalidRequest: a pod does not fit an instance, or all pods together do not fit all instances.
    """
    free_cpu = flavor.usable_cpu_milli * nodes - sum(s.cpu_milli * s.pods for s in taken)
    free_memory = flavor.usable_memory_mib * nodes - sum(s.memory_mib * s.pods for s in taken)
    asked = [_asked(wish, flavor) for wish in wishes]
    open_cpu = sum(w.pods for w, (cpu, _) in zip(wishes, asked, strict=True) if cpu is None)
    open_memory = sum(w.pods for w, (_, memory) in zip(wishes, asked, strict=True) if memory is None)
    left_cpu = free_cpu - sum(cpu * w.pods for w, (cpu, _) in zip(wishes, asked, strict=True) if cpu)
    left_memory = free_memory - sum(memory * w.pods for w, (_, memory) in zip(wishes, asked, strict=True) if memory)
    shares: list[Share] = []
    for wish, (cpu, memory) in zip(wishes, asked, strict=True):
        fair_cpu = cpu if cpu is not None else min(left_cpu // open_cpu, flavor.usable_cpu_milli)
        fair_memory = memory if memory is not None else min(left_memory // open_memory, flavor.usable_memory_mib)
        shares.append(Share(fair_cpu, fair_memory, int(wish.gpu or "0"), wish.pods))
    _require_fit(flavor, nodes, (free_cpu, free_memory), wishes, shares)
    return shares


def _asked(wish: Wish, flavor: Flavor) -> tuple[int | None, int | None]:
    cpu = cpu_milli(wish.cpu) if wish.cpu else None
    memory = memory_mib(wish.memory) if wish.memory else None
    if wish.percent is not None:
        cpu = cpu if cpu is not None else flavor.usable_cpu_milli * wish.percent // 100
        memory = memory if memory is not None else flavor.usable_memory_mib * wish.percent // 100
    return cpu, memory


def _require_fit(
    flavor: Flavor, nodes: int, free: tuple[int, int], wishes: Sequence[Wish], shares: Sequence[Share]
) -> None:
    for wish, share in zip(wishes, shares, strict=True):
        if share.cpu_milli <= 0 or share.memory_mib <= 0:
            raise InvalidRequest(f"{wish.label}: nothing of the instance is left; take a larger one or fewer pods")
        if share.cpu_milli > flavor.usable_cpu_milli or share.memory_mib > flavor.usable_memory_mib:
            raise InvalidRequest(
                f"{wish.label}: {share.cpu_milli}m CPU and {share.memory_mib}Mi do not fit one {flavor.name}, "
                f"which has {flavor.usable_cpu_milli}m and {flavor.usable_memory_mib}Mi to give"
            )
        if share.gpu > flavor.gpu_count:
            raise InvalidRequest(f"{wish.label}: {share.gpu} GPUs do not fit one {flavor.name} ({flavor.gpu_count})")
    cpu = sum(s.cpu_milli * s.pods for s in shares)
    memory = sum(s.memory_mib * s.pods for s in shares)
    gpus = sum(s.gpu * s.pods for s in shares)
    if cpu > free[0] or memory > free[1] or gpus > flavor.gpu_count * nodes:
        raise InvalidRequest(
            f"the resource quotas ask for {cpu}m CPU, {memory}Mi and {gpus} GPUs, but {nodes} x {flavor.name} has "
            f"{max(0, free[0])}m, {max(0, free[1])}Mi and {flavor.gpu_count * nodes} left to give"
        )
