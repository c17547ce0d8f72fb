import pytest

from components.train_scorer.regression_metrics import held_out_metrics, mean_squared_error, rank_correlation


def test_the_error_is_the_mean_of_the_squared_differences() -> None:
    assert mean_squared_error([0.0, 1.0, 0.5], [0.0, 0.0, 1.0]) == pytest.approx(1.25 / 3)


def test_the_rank_correlation_sees_order_and_not_distance() -> None:
    assert rank_correlation([1.0, 2.0, 100.0], [0.1, 0.2, 0.3]) == pytest.approx(1.0)
    assert rank_correlation([3.0, 2.0, 1.0], [0.1, 0.2, 0.3]) == pytest.approx(-1.0)


@pytest.mark.parametrize(
    ("predicted", "measured"), [([1.0, 2.0], [0.5, 0.5]), ([1.0, 1.0], [0.0, 0.5]), ([1.0], [1.0])]
)
def test_equal_numbers_have_no_rank_correlation(
    predicted: list[float], measured: list[float], caplog: pytest.LogCaptureFixture
) -> None:
    assert rank_correlation(predicted, measured) is None
    assert set(held_out_metrics(predicted, measured, 0.5)) == {"held_out_mse", "held_out_mse_of_mean"}
    assert "no rank correlation" in caplog.text


def test_the_baseline_is_the_error_of_the_training_mean() -> None:
    metrics = held_out_metrics([0.0, 1.0], [0.0, 1.0], 0.5)
    assert metrics == pytest.approx({"held_out_mse": 0.0, "held_out_mse_of_mean": 0.25, "held_out_spearman": 1.0})
