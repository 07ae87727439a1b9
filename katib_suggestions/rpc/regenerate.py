"""Makes the message classes of api.proto again: `python -m katib_suggestions.rpc.regenerate`, with grpcio-tools.

The result is checked in, so that nobody who runs the services needs the compiler.
"""

from importlib import resources
from pathlib import Path

HERE = Path(__file__).parent
GENERATED = ("api_pb2.py", "api_pb2.pyi")


def generate(into: Path) -> None:
    """Writes the generated files to a directory. Services need none: see services.py."""
    # A tool for developers alone: not among what the services need.
    from grpc_tools import protoc

    # Without the directory in the name: Katib's own file is called so as well, and reflection shows it.
    well_known = str(resources.files("grpc_tools") / "_proto")
    code = protoc.main(["", f"-I{HERE}", f"-I{well_known}", f"--python_out={into}", f"--pyi_out={into}", "api.proto"])
    if code != 0:
        raise SystemExit(f"the compiler ended with {code}")


if __name__ == "__main__":
    generate(HERE)
