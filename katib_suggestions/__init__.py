"""Suggestion and early-stopping services for Katib, stateless by construction; also a Python API."""
