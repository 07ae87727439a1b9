"""A Kubeflow pipeline as data: read from YAML that nobody vouches for, its parameters, its graph, its conditions.

Nothing here imports kfp (two seconds of work) but the modules whose names say so: ``kfp_check``, ``kfp_local_*``.
"""
