"""``python -m kfp_components.easymaker.launcher SPEC.json``"""

import os
import sys

from kfp_components.easymaker.launcher.run import main

code = main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.flush()
# Not sys.exit(): it would wait for a download that a stop request has left behind.
os._exit(code)
