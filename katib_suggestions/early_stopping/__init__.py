"""When a trial is given up: pure decisions, apart from where values are read and statuses are written."""
