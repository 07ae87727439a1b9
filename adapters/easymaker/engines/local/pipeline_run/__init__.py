"""The program that runs one pipeline on this machine with kfp.local, and what others need to start it and read it.

It is trusted and stays outside the sandbox; only the tasks, each a process session of its own, run what users wrote.
"""
