"""How well a scorer's numbers meet the measured ones."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np
from scipy.stats import spearmanr

logger = logging.getLogger(__name__)


def mean_squared_error(predicted: Sequence[float], measured: Sequence[float]) -> float:
    """Return the mean squared difference."""
    return float(np.mean((np.asarray(predicted) - np.asarray(measured)) ** 2))


def rank_correlation(predicted: Sequence[float], measured: Sequence[float]) -> float | None:
    """Return Spearman's rank correlation; None if all numbers of a side are equal and there is none."""
    if len(set(predicted)) < 2 or len(set(measured)) < 2:
        return None
    return float(spearmanr(predicted, measured).statistic)


def held_out_metrics(
    predicted: Sequence[float], measured: Sequence[float], mean_in_training: float
) -> dict[str, float]:
    """Return error and rank correlation on the held-out examples, and the error of always saying the mean.

    A rank correlation that does not exist is left out: 0 would claim that there is one, and that it is nil.
    """
    metrics = {
        "held_out_mse": mean_squared_error(predicted, measured),
        "held_out_mse_of_mean": mean_squared_error([mean_in_training] * len(measured), measured),
    }
    correlation = rank_correlation(predicted, measured)
    if correlation is None:
        logger.warning("no rank correlation: all %d held-out examples have the same number", len(measured))
        return metrics
    return metrics | {"held_out_spearman": correlation}
