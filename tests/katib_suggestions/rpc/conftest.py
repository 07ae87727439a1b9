"""The real API server's fixtures for the tests of this directory."""

from tests.kubernetes.fixtures import api_server, crds, namespace

__all__ = ["api_server", "crds", "namespace"]
