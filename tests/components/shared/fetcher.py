"""A process that fetches a model into the node's cache, by small ranges, and prints where it is: ``fetcher SOURCE``."""

from __future__ import annotations

import sys

from components.shared import models
from components.shared.stores import _partial_files

RANGE_BYTES = 2**18

if __name__ == "__main__":
    _partial_files.RANGE_BYTES = RANGE_BYTES
    sys.stdout.write(str(models.fetch_model(sys.argv[1])))
