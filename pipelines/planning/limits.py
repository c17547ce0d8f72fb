"""Limits that the command line shows."""

GPU_HOURS = 10.0  # of a run: it asks before it takes more
