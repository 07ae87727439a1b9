"""Entry of the wrapper: `python -I -S wrapper_main.py DIRECTORY` (see wrapper/__init__.py for why it is a script)."""

import os
import sys


def _run() -> int:
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120 (pathlib costs 10 ms here)
    from wrapper.main import main

    return main(sys.argv[1])


if __name__ == "__main__":
    sys.exit(_run())
