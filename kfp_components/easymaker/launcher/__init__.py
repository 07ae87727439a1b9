"""Prepares and runs one training.

A TrainJob pod, a Katib trial, a KFP component and a local process all run this same program, so a training meets the
same environment wherever it runs. README.md has the spec, the environment variables and the exit codes.
"""
