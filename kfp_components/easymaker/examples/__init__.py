"""Pipelines of these components, to read and to run: ``python -m kfp_components.easymaker.examples.NAME``."""
