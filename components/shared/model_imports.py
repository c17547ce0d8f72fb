"""Which models a run imports, by the parameters that name them: each once, before any other step."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from components.shared.addresses import SERVED
from components.shared.templates.families import OWN

COMMAND = "import_models"  # what the task is called; its folders are those of import_model
LISTS = ("generators", "trained_generators", "solvers")  # parameters whose items name a model and its chat template


@dataclass(frozen=True, kw_only=True)
class NamedModels:
    """The parameters of pipelines that name models; those of no model are empty."""

    generators: list[dict[str, str]] = dataclasses.field(default_factory=list)
    trained_generators: list[dict[str, str]] = dataclasses.field(default_factory=list)
    solvers: list[dict[str, str]] = dataclasses.field(default_factory=list)
    solver: str = ""
    judge: str = ""
    solver_chat_template: str = OWN
    rewriter: str = ""
    difficulty_solver: str = ""
    difficulty_base: str = ""
    reward_model: str = ""


@dataclass(frozen=True)
class ModelImport:
    """One import: a model, and what it has to be fit for."""

    source: str
    kind: str
    chat_template: str
    named_by: str  # the parameter
    template_by: str = ""  # and that of the chat template, if there is one


def imports_of(named: NamedModels) -> list[ModelImport]:
    """Return the imports of a run, one a model: what asks most of it; a served model is none."""
    imports = [each for each in _all(named) if _is_ours(each.source)]
    return list({each.source: each for each in reversed(imports)}.values())[::-1]


def named_in(values: Mapping[str, Any]) -> NamedModels:
    """Return what a pipeline's parameters say of models."""
    names = {field.name for field in dataclasses.fields(NamedModels)}
    given = {name: value for name, value in values.items() if name in names}
    for models in LISTS:
        items = given.get(models, [])
        given[models] = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return NamedModels(**given)


def _is_ours(model: Any) -> bool:
    """Return whether a model is given, known already, and not one that another server runs."""
    return isinstance(model, str) and bool(model) and not model.startswith(SERVED)


def _all(named: NamedModels) -> Iterator[ModelImport]:
    for models in LISTS:
        for number, item in enumerate(getattr(named, models)):
            by = f"{models}[{number}]"
            model, template = item.get("model", ""), item.get("chat_template", OWN)
            yield ModelImport(model, "chat", template, f"{by}.model", f"{by}.chat_template")
    for name in ("solver", "judge"):
        yield ModelImport(getattr(named, name), "chat", named.solver_chat_template, name, "solver_chat_template")
    # By which chat template these are asked, if at all, is an option of their steps: whether it fits, they see.
    for name in ("rewriter", "difficulty_solver", "difficulty_base", "reward_model"):
        yield ModelImport(getattr(named, name), "base", OWN, name)
