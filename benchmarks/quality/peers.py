"""The rules of datatrove, for the same rows: MinHash of its deduplication, and runs of words of its decontamination.

Its own word tokenizer asks for spaCy; here words are split at spaces, of which its normal form leaves just these: it is
in lower case, without punctuation and with each number as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from datatrove.pipeline.decont.n_grams import NGramsDecontConfig
from datatrove.pipeline.dedup.minhash import MinhashConfig, MinhashDedupSignature
from datatrove.utils.hashing import HashConfig
from datatrove.utils.text import ngrams, simplify_text
from datatrove.utils.word_tokenizers import WordTokenizer, load_tokenizer_assignments

LANGUAGE = "words_between_spaces"


class _Words(WordTokenizer):  # type: ignore[misc]  # datatrove is untyped
    def word_tokenize(self, text: str) -> list[str]:
        return text.split()

    def sent_tokenize(self, text: str) -> list[str]:
        return [text]

    def span_tokenize(self, text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


load_tokenizer_assignments()[LANGUAGE] = _Words


def shares_bucket(**options: int) -> Callable[[str, str], bool]:
    """Return whether two texts share a bucket of MinHash, for which datatrove drops one of them.

    ``options``: those of MinhashConfig that are not its default.
    """
    config = MinhashConfig(**options, hash_config=HashConfig(hash_fc="sha1"))  # xxhash 4 takes no text any more
    signature = MinhashDedupSignature("unused", config, language=LANGUAGE)

    def buckets(text: str) -> list[list[int]]:
        shingles = signature.get_shingles(text)
        return signature.get_signature(shingles) if len(shingles) else []  # a text shorter than a shingle has none

    return lambda one, other: any(mine == its for mine, its in zip(buckets(one), buckets(other), strict=False))


def shares_run(benchmark: Sequence[str]) -> Callable[[str], bool]:
    """Return whether a text has a run of words of one of the benchmark's questions."""
    config = NGramsDecontConfig()

    def runs(text: str) -> set[str]:
        words = simplify_text(text, config.norm_config).split()
        return {" ".join(run) for run in ngrams(words, config.n_grams)}

    held = set().union(*map(runs, benchmark))
    return lambda text: not held.isdisjoint(runs(text))
