"""The order of the examples, and options that cannot work together."""

from __future__ import annotations

from components.shared.training.batch_order import batch_order


def test_each_epoch_visits_each_row_once() -> None:
    order = batch_order([5] * 10, batch_size=4, epochs=2, seed=0)
    assert sorted(order[:10]) == sorted(order[10:]) == list(range(10))
    assert order[:10] != order[10:]


def test_order_depends_on_the_seed_only() -> None:
    lengths = list(range(50))
    first = batch_order(lengths, batch_size=4, epochs=1, seed=1)
    assert first == batch_order(lengths, batch_size=4, epochs=1, seed=1)
    assert first != batch_order(lengths, batch_size=4, epochs=1, seed=2)


def test_rows_of_a_batch_are_of_like_length() -> None:
    lengths = [index % 16 for index in range(64)]
    order = batch_order(lengths, batch_size=4, epochs=1, seed=0)
    batches = [[lengths[index] for index in order[start : start + 4]] for start in range(0, 64, 4)]
    assert all(max(batch) == min(batch) for batch in batches)
    assert [batch[0] for batch in batches] != sorted(batch[0] for batch in batches)
