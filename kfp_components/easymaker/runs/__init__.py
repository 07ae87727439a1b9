"""Running users' programs from a step: the launcher as a child, its storage access, the metrics in its log."""
