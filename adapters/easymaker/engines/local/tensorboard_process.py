"""Runs TensorBoard in its own environment. Its secret path comes by the environment, which other users cannot read.

Run by file path with the Python of TensorBoard's environment: it imports nothing of ours.
"""

import os
import signal
import sys

from tensorboard import program


def main() -> int:
    board = program.TensorBoard()
    board.configure(
        argv=[
            "tensorboard",
            "--host=127.0.0.1",
            f"--port={os.environ['TENSORBOARD_PORT']}",
            f"--logdir={os.environ['TENSORBOARD_LOGDIR']}",
            f"--path_prefix=/{os.environ['TENSORBOARD_SECRET']}",
            "--reload_interval=5",
            "--load_fast=false",
        ]
    )
    board.launch()
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    return 0


if __name__ == "__main__":
    sys.exit(main())
