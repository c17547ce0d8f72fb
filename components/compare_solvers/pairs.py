"""Which evaluation is compared with which, and whether the two may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from components.compare_solvers.columns import Column, Key, Result
from components.shared.errors import InputError
from components.shared.workspace.manifests import Manifest

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
    one, other = after.source.manifest, before.source.manifest
    ours, theirs = _settings(one), _settings(other)
    names = [name for name in {**ours, **theirs} if ours.get(name) != theirs.get(name)]
    # Texts of other names are of options that differ; of the same name, another version of this suite brought them.
    texts = [name for name in one.prompts.keys() & other.prompts.keys() if one.prompts[name] != other.prompts[name]]
    return ", ".join(sorted(names + texts))


def _settings(manifest: Manifest) -> dict[str, Any]:
    inputs = {name: [entry.fingerprint for entry in entries] for name, entries in manifest.inputs.items()}
    others = {name: inputs[name] for name in inputs if name not in ("model", "questions")}
    ways = {"version": manifest.version, "computed in": manifest.arithmetic}
    return {**manifest.options, **others, **ways}


def _before(column: Column, before: Sequence[Column]) -> Column:
    """Return the column of the nearest model that the other was trained from; of several templates, the same one."""
    alike = [each for each in before if each.key.num_samples == column.key.num_samples]
    for model in column.models[1:]:
        found = [each for each in alike if each.key.model == model.fingerprint]
        same = [each for each in found if each.key.chat_template == column.key.chat_template]
        if found:
            return (same or found)[0]
    if len(alike) == 1:
        return alike[0]
    number = f"{len(alike)} models" if alike else "no model"
    raise InputError(
        f"--before has {number} with --num-samples {column.key.num_samples}, and by its lineage "
        f"{column.models[0].uri} was trained from none of them; expected the evaluation of the model that it was "
        "trained from, with the same --num-samples"
    )
