"""The small program that runs one process and outlives the adapter.

It starts by file path (../wrapper_main.py) under the bare interpreter, so nothing here may import the package or
anything that is slow to import: no pathlib, dataclasses or subprocess. The runner imports `records`, `process_tree` and
`cgroup` from here too, as the other side of the same files.
"""
