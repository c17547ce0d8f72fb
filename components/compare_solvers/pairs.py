"""Which evaluation is compared with which, and whether the two may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.compare_solvers.columns import Column, Key, Result
from components.shared.errors import InputError

EXPECTED = "expected two evaluations of the same questions: evaluate both models on one folder"


def pair_columns(after: Sequence[Column], before: Sequence[Column]) -> Mapping[Key, Column]:
    """Return the column before the training for each one after it; InputError where that is not clear.

    That of the nearest model that the other was trained from, by the folders' lineage; or the only one there is.
    """
    return {column.key: _before(column, before) for column in after} if before else {}


def check_same_questions(benchmark: str, after: Result, before: Result) -> None:
    """Raise InputError unless both asked the same; a question that the engine refused to one of them is no answer."""
    for one, other in ((after, before), (before, after)):
        missing = [id_ for id_ in one.answers if id_ not in other.answers and id_ not in other.rejected]
        if missing:
            raise InputError(
                f"{one.source.folder} has {len(missing)} questions of {benchmark} that {other.source.folder} lacks "
                f"({missing[0]}, …); {EXPECTED}"
            )
    for id_ in after.answers.keys() & before.answers.keys():
        if after.answers[id_].asked != before.answers[id_].asked:
            raise InputError(
                f"the question {id_} of {benchmark}, or its known answer, differs between {before.source.folder} and "
                f"{after.source.folder}; {EXPECTED}"
            )


def settings_that_differ(after: Result, before: Result) -> str:
    """Name the options and texts that differ between two evaluations; "" where only the model does."""
    ours, theirs = (
        {**manifest.options, **manifest.prompts, "version": manifest.version, "computed in": manifest.arithmetic}
        for manifest in (after.source.manifest, before.source.manifest)
    )
    names = sorted(name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name))
    return ", ".join(names)


def _before(column: Column, before: Sequence[Column]) -> Column:
    alike = [each for each in before if each.num_samples == column.num_samples]
    for model in column.models[1:]:
        for each in alike:
            if each.models[0].fingerprint == model.fingerprint:
                return each
    if len(alike) == 1:
        return alike[0]
    found = f"{len(alike)} models" if alike else "no model"
    raise InputError(
        f"--before has {found} with --num-samples {column.num_samples}, and by its lineage {column.models[0].uri} was "
        "trained from none of them; expected the evaluation of the model that it was trained from, with the same "
        "--num-samples"
    )
