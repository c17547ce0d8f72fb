from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from components.shared.workspace.costs import Costs, costs_of
from components.shared.workspace.lineage import Stage
from components.shared.workspace.manifests import Manifest

MANIFEST = Manifest(
    format=1,
    step="generate_responses",
    version=1,
    fingerprint="f",
    kind="response",
    options={},
    inputs={},
    prompts={},
    rows_in=1,
    rows_out=1,
    rejected={},
    parts=[],
    files={},
    metrics={},
    image="",
    versions={},
    written_at="",
)
METRICS = st.dictionaries(
    st.sampled_from(["seconds", "accelerator_seconds", "prompt_tokens", "output_tokens", "tokens", "loss"]),
    st.integers(0, 10**9).map(float),
)


def stage(number: int, metrics: dict[str, float]) -> Stage:
    return Stage(folder=f"f{number}", manifest=dataclasses.replace(MANIFEST, metrics=metrics), reads=())


@given(st.lists(METRICS, max_size=6))
def test_what_stages_took_together_is_the_sum_of_what_each_took(given_metrics: list[dict[str, float]]) -> None:
    stages = [stage(number, metrics) for number, metrics in enumerate(given_metrics)]
    together, single = costs_of(stages), [costs_of([each]) for each in stages]
    for field in dataclasses.fields(Costs):
        total = sum(getattr(each, field.name) for each in single)
        assert abs(getattr(together, field.name) - total) <= 1e-6 * max(1, total)


def test_what_there_was_none_of_is_left_out_of_the_words() -> None:
    costs = Costs(seconds=7200, gpu_hours=0.0, tokens_read=0, tokens_written=5000)
    assert costs.sentence == "2 h 0 min of work, 5,000 tokens written"
    assert costs.sentence_for_each(10) == "720.0 s of work, 500 tokens written"
    assert costs.sentence_for_each(0) == ""
    assert costs_of([]).sentence == ""
