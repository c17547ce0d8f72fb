from collections import Counter

from benchmarks.quality.duplicates import generated_stories, is_found
from benchmarks.quality.planting import planted


def test_planted_repetitions_are_dropped_and_other_questions_are_kept() -> None:
    found, total = Counter[bool](), Counter[bool]()
    for pair in planted(generated_stories(200), seed=3, per_kind=30):
        total[pair.is_same] += 1
        found[pair.is_same] += is_found(pair.question, pair.version)
    assert total[True] > 500
    assert total[False] > 250
    assert found[True] / total[True] >= 0.9
    assert not found[False]
