"""How a step's process ends; says to whoever started it what to do next."""

DONE = 0  # the folder's address stands on standard output
BUG = 1  # a mistake of ours: a traceback on standard error
BAD_INPUT = 2  # one message; the same command fails again until its input is fixed; also a training that diverged
UNSOUND = 3  # `scalequest verify` alone: the folder is not finished, or not what its manifest says
TERMINATED = 4  # `scalequest status` and `--watch` alone: somebody ended the run
UNAVAILABLE = 75  # EX_TEMPFAIL of sysexits.h: what may pass (a store that does not answer, a full node): try again
KILLED = 137  # SIGKILL, most often out of memory; try again
STOPPED = 143  # SIGTERM: what is finished is durable; try again
