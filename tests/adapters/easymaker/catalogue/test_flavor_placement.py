"""Where a cluster has an instance type is the engine's business: it is read from the catalogue and never shown."""

from pathlib import Path

from adapters.easymaker import catalogue

FILE = """
flavors:
  - name: g2
    vcpus: 8
    ram: 65536
    gpuFlavor: true
    gpuCount: 1
    nodeSelector: {node.kubernetes.io/instance-type: g2}
    tolerations: [{key: nvidia.com/gpu, operator: Exists, effect: NoSchedule}]
    gpuResource: nvidia.com/mig-1g.10gb
"""


def test_placement_is_read_but_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "catalogue.yaml"
    path.write_text(FILE)
    (flavor,) = catalogue.load(path).flavors
    assert flavor.node_selector == {"node.kubernetes.io/instance-type": "g2"}
    assert flavor.tolerations[0]["effect"] == "NoSchedule"
    assert flavor.gpu_resource == "nvidia.com/mig-1g.10gb"
    shown = flavor.model_dump(by_alias=True, mode="json")
    assert not {"nodeSelector", "tolerations", "gpuResource"} & set(shown)
    assert shown["gpuCount"] == 1
