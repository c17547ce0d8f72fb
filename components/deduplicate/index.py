"""Finds the earlier question that a question repeats: MinHash bands by rensa, then the similarity of each candidate.

Memory is a few hundred bytes per kept question, in flat arrays: no Python object per row. rensa 0.5.0 makes signatures
6 to 16 times as fast as datasketch 2.0.0 here, with estimates that are no worse.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from array import array
from collections.abc import Iterator
from dataclasses import dataclass

from rensa import RMinHash

from components.deduplicate.fingerprint import numbers_of, shingles_of, tokens_of

# Two questions of similarity s share a band with probability 1 - (1 - s^3)^8: 0.998 at 0.8, 0.965 at 0.7, 0.64 at 0.5.
NUM_BANDS = 8
HASHES_PER_BAND = 3
MINHASH_SEED = 1

_BAND = struct.Struct(f"<QI{HASHES_PER_BAND}I")


@dataclass(frozen=True, slots=True)
class Match:
    """The earlier question that is repeated."""

    id: str
    exact: bool


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What the index knows of a question."""

    digest: int  # of all tokens: equal for questions that are equal after normalisation
    numbers: int  # digest of the sequence of numbers and signs
    shingles: array[int]  # a 32-bit hash of each distinct shingle
    bands: tuple[int, ...]  # one hash a band, of the numbers and some of the MinHash


def fingerprint(question: str) -> Fingerprint:
    """Take the fingerprint of a question."""
    tokens = tokens_of(question)
    shingles = shingles_of(tokens)
    minhash = RMinHash(num_perm=NUM_BANDS * HASHES_PER_BAND, seed=MINHASH_SEED)
    minhash.update(shingles)
    values = minhash.digest()
    numbers = _digest("\0".join(numbers_of(tokens)).encode())
    starts = range(0, len(values), HASHES_PER_BAND)
    return Fingerprint(
        digest=_digest("\0".join(tokens).encode()),
        numbers=numbers,
        shingles=array("I", sorted({zlib.crc32(shingle.encode()) for shingle in shingles})),
        bands=tuple(_digest(_BAND.pack(numbers, start, *values[start : start + HASHES_PER_BAND])) for start in starts),
    )


class Index:
    """The questions that were kept so far.

    A chained hash table over the bands: ``heads`` has the newest entry of a slot, ``links`` the one before each entry.
    Keys are not stored: an entry that is in a slot by chance fails the comparison like any other candidate.
    """

    def __init__(self, capacity: int, min_similarity: float) -> None:
        self._min_similarity = min_similarity
        self._num_slots = 1 << max(capacity * NUM_BANDS - 1, 1).bit_length()
        self._heads = array("i", [-1]) * self._num_slots
        self._links = array("i")
        self._digests = array("Q")
        self._numbers = array("Q")
        self._shingles = array("I")
        self._shingle_ends = array("Q")
        self._ids = bytearray()
        self._id_ends = array("Q")

    def __len__(self) -> int:
        return len(self._digests)

    def find_or_add(self, id_: str, question: str) -> Match | None:
        """Return the first kept question that this one repeats; if there is none, keep this one and return None."""
        new = fingerprint(question)
        match = self._find(new)
        if match is None:
            self._add(id_, new)
        return match

    def add(self, id_: str, question: str) -> None:
        """Keep a question without a look at the others."""
        self._add(id_, fingerprint(question))

    def _find(self, new: Fingerprint) -> Match | None:
        rows = sorted({row for band in new.bands for row in self._rows_in(band)})
        same = [row for row in rows if self._numbers[row] == new.numbers]
        for row in same:
            if self._digests[row] == new.digest:
                return Match(self._id(row), exact=True)
        shingles = set(new.shingles)
        for row in same:
            if self._similarity(row, shingles) >= self._min_similarity:
                return Match(self._id(row), exact=False)
        return None

    def _rows_in(self, band: int) -> Iterator[int]:
        entry = self._heads[band % self._num_slots]
        while entry >= 0:
            yield entry // NUM_BANDS
            entry = self._links[entry]

    def _similarity(self, row: int, shingles: set[int]) -> float:
        """Return the Jaccard similarity: shared shingles by all shingles of the two."""
        start = self._shingle_ends[row - 1] if row else 0
        others = self._shingles[start : self._shingle_ends[row]]
        shared = len(shingles.intersection(others))
        return shared / (len(shingles) + len(others) - shared)

    def _add(self, id_: str, new: Fingerprint) -> None:
        for band in new.bands:
            slot = band % self._num_slots
            self._links.append(self._heads[slot])
            self._heads[slot] = len(self._links) - 1
        self._digests.append(new.digest)
        self._numbers.append(new.numbers)
        self._shingles.extend(new.shingles)
        self._shingle_ends.append(len(self._shingles))
        self._ids += id_.encode()
        self._id_ends.append(len(self._ids))

    def _id(self, row: int) -> str:
        start = self._id_ends[row - 1] if row else 0
        return self._ids[start : self._id_ends[row]].decode()


def _digest(data: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "little")
