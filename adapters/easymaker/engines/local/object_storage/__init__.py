"""A real OpenStack Swift on this machine: the embedded default behind ``obs://``.

Four processes (proxy, account, container, object server) that listen on loopback in plain HTTP; the gateway terminates
TLS in front of the proxy. ``easymaker_swift/`` is the part of ours that runs inside Swift's environment.
"""
