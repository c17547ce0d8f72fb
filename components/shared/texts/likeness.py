"""How alike two questions are: the cosine of their words and pairs of words, without names and numbers.

So a template counts once, however it is filled.
"""

from __future__ import annotations

import zlib
from collections import Counter
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from components.shared.texts.wording import NAME, wording_of

NUM_FEATURES = 4096
ALIKE = 0.7  # cosine from which on two questions are alike

Matrix = npt.NDArray[np.float64]


def features_of(question: str) -> Matrix:
    """Return a text's hashed words and pairs of words as a vector of length 1."""
    words = [
        word.meaning for word in wording_of(question).words if word.meaning != NAME and not word.meaning[:1].isdigit()
    ]
    counts = Counter([*words, *(f"{one} {other}" for one, other in pairwise(words))] or [question])
    vector = np.zeros(NUM_FEATURES)
    for feature, number in counts.items():
        vector[zlib.crc32(feature.encode("utf-8", "surrogatepass")) % NUM_FEATURES] += 1 + np.log(number)
    return vector / np.linalg.norm(vector)
