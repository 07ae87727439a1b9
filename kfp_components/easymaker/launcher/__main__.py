"""``python -m kfp_components.easymaker.launcher SPEC.json``, with the options in arguments.py."""

import os
import sys

from kfp_components.easymaker.launcher.run import main

# Not sys.exit(), which would wait for a download that a stop request has left behind. Lines are flushed when written.
os._exit(main(sys.argv[1:]))
