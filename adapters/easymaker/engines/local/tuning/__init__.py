"""The controller of one hyperparameter tuning on one machine, a process of its own that survives the adapter.

What it does is in its journal before it is done, so that any kill leaves something to go on from. Which trials there
shall be, and when it is over, is decided as Katib's controller decides it (decide.py).
"""
