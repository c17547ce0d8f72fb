"""Which documents share a run of words with a text: the index behind contamination counts and decontamination.

A document is kept as 64-bit hashes of its runs of ``size`` tokens, 12 bytes a run (840 bytes for a question of 82
tokens), sorted in flat arrays: no text, no object a row. A document that is shorter than a run is found by one that is
the same as a whole. A run in more documents than ``max_documents`` is boilerplate ("express your answer as a common
fraction …") and finds none; nor does a run without a word, as that of a counting sequence.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

DEFAULT_SIZE = 13  # GPT-3's, and most reports' since
MAX_DOCUMENTS = 10
BYTES_PER_RUN = 12

Hashes = npt.NDArray[np.uint64]
Numbers = npt.NDArray[np.uint32]
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: no bit of a token's hash is lost


class NgramIndex:
    """The runs of the documents that were added; documents are numbered from 0 in the order in which they come."""

    def __init__(self, size: int = DEFAULT_SIZE, *, max_documents: int = MAX_DOCUMENTS) -> None:
        if size < 1 or max_documents < 1:
            raise ValueError(f"size {size}, max_documents {max_documents}: expected 1 or more of each")
        self._size = size
        self._max_documents = max_documents
        self._number = 0
        self._hashes = array("Q")
        self._documents = array("I")
        self._sorted: tuple[Hashes, Numbers] = np.zeros(0, dtype=np.uint64), np.zeros(0, dtype=np.uint32)

    def __len__(self) -> int:
        return self._number

    @property
    def num_bytes(self) -> int:
        """What the runs take in memory."""
        return BYTES_PER_RUN * (len(self._hashes) + len(self._sorted[0]))

    def add(self, tokens: Sequence[str]) -> int:
        """Add a document; return its number."""
        runs = set(runs_of(tokens, self._size).tolist())
        self._hashes.extend(runs)
        self._documents.extend([self._number] * len(runs))
        self._number += 1
        return self._number - 1

    def find(self, tokens: Sequence[str]) -> list[int]:
        """Return the documents that share a run with the tokens, in order."""
        hashes, documents = self._sort()
        runs = runs_of(tokens, self._size)
        starts = np.searchsorted(hashes, runs, side="left")
        ends = np.searchsorted(hashes, runs, side="right")
        found: set[int] = set()
        for place in np.flatnonzero((ends > starts) & (ends - starts <= self._max_documents)):
            found.update(documents[starts[place] : ends[place]].tolist())
        return sorted(found)

    def _sort(self) -> tuple[Hashes, Numbers]:
        """Return the runs in order, those that were added since the last time among them."""
        if self._hashes:
            hashes = np.concatenate([self._sorted[0], np.array(self._hashes, dtype=np.uint64)])
            documents = np.concatenate([self._sorted[1], np.array(self._documents, dtype=np.uint32)])
            order = np.argsort(hashes, kind="stable")
            self._sorted = hashes[order], documents[order]
            self._hashes, self._documents = array("Q"), array("I")
        return self._sorted


def runs_of(tokens: Sequence[str], size: int) -> Hashes:
    """Return a hash of each run of ``size`` tokens with a word in it; one of the whole where there are fewer."""
    if not tokens:
        return np.zeros(0, dtype=np.uint64)
    values = np.fromiter(map(_hash_of, tokens), dtype=np.uint64, count=len(tokens))
    length = min(size, len(tokens))
    number = len(tokens) - length + 1
    hashes = np.full(number, length, dtype=np.uint64)
    for start in range(length):
        hashes = hashes * _FACTOR + values[start : start + number]  # modulo 2^64
    if len(tokens) < size:
        return hashes
    words_before = np.cumsum([0, *(token[:1].isalpha() for token in tokens)])
    return hashes[words_before[length:] > words_before[:-length]]


@lru_cache(maxsize=100_000)
def _hash_of(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little")
