"""When recurring runs come due: cron expressions, intervals, and the decision about each slot. Pure, no I/O."""
