"""Carries resources out on an existing Kubeflow: writes custom resources and reads their status back.

What is written and how a status reads is decided by pure functions in mapping/; drivers put them between the informers'
caches and the API server.
"""
