from collections.abc import Iterator

from components.shared.scoring.token_budget import first_batch, longest_first, windows

LENGTHS = [3, 50, 7, 7, 120, 1, 49, 8, 2, 51]


def batches(max_batch_tokens: int) -> list[list[int]]:
    rest, found = longest_first(LENGTHS, lambda length: length), []
    while rest:
        found.append(list(first_batch(rest, lambda length: length, max_batch_tokens)))
        rest = rest[len(found[-1]) :]
    return found


def test_every_text_is_in_exactly_one_batch() -> None:
    for budget in (1, 10, 100, 1000):
        assert sorted(length for batch in batches(budget) for length in batch) == sorted(LENGTHS)


def test_padded_batches_stay_within_the_budget() -> None:
    for budget in (10, 100, 1000):
        assert all(len(batch) == 1 or len(batch) * max(batch) <= budget for batch in batches(budget))


def test_a_text_longer_than_the_budget_is_a_batch_by_itself() -> None:
    assert [120] in batches(100)


def test_the_longest_texts_come_first() -> None:
    assert [max(batch) for batch in batches(100)] == sorted((max(batch) for batch in batches(100)), reverse=True)


def test_batches_hold_texts_of_about_one_length() -> None:
    assert batches(100) == [[120], [51], [50, 49], [8, 7, 7, 3, 2, 1]]


def test_texts_of_one_length_keep_their_order() -> None:
    items = [("a", 5), ("b", 5), ("c", 5)]
    in_order = longest_first(items, lambda item: item[1])
    assert first_batch(in_order, lambda item: item[1], 10) == [("a", 5), ("b", 5)]


def test_an_endless_stream_is_read_one_window_at_a_time() -> None:
    read = []

    def endless() -> Iterator[int]:
        number = 0
        while True:
            read.append(number)
            yield number
            number += 1

    stream = windows(endless(), 4)
    assert next(stream) == [0, 1, 2, 3]
    assert len(read) == 4
    assert next(stream) == [4, 5, 6, 7]


def test_the_last_window_is_shorter() -> None:
    assert list(windows(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(windows([], 2)) == []
