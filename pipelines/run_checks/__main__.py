"""``python3 -m pipelines.run_checks --executor-input {{$}}``: the first task of a run."""

import sys

from pipelines.run_checks.check_task import main

if __name__ == "__main__":
    main(sys.argv[1:])
