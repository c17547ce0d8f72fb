"""Whether the licences of the models and data sets that a run uses allow the one that its dataset is to have.

package_dataset looks at the imported models again, when all is done. Here the licences are looked at before the first
step: of imported models in their folders, else where they come from.
"""

from __future__ import annotations

import contextlib
import importlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from components.shared.addresses import SERVED
from components.shared.errors import InputError, UnavailableError
from components.shared.publishing.licenses import UNKNOWN, UNNAMED, forbidding
from components.shared.publishing.stated_licenses import stated_in_folder
from components.steps import config_of
from pipelines.arguments import Run, config_of_step, in_parameters
from pipelines.planning.course import CourseStep, course_of
from pipelines.run_checks.looking import Looked

COMPARED = "benchmarks"  # the option that names rows which are compared with the dataset's, and not in it


def with_licenses(run: Run, looked: Sequence[Looked]) -> list[Looked]:
    """Return the steps with a note on the one that makes the dataset: of what in it no licence is known.

    InputError names the parameter of each model or data set whose licence forbids the dataset's.
    """
    noted = list(looked)
    for number, each in enumerate(looked):
        if each.state == "reused" or not hasattr(config_of(each.step.name), "license"):
            continue
        license_ = str(getattr(config_of_step(each.step), "license", UNKNOWN))
        if license_ not in UNNAMED:
            behind = [looked[made] for made in _behind(course_of(run), number)]
            noted[number] = replace(each, note=_compared(license_, behind))
    return noted


def _behind(course: Sequence[CourseStep], number: int) -> list[int]:
    """Return the steps that the rows of one were made with."""
    waiting, found = [number], set[int]()
    for each in waiting:
        read = {made for option, of in course[each].reads.items() if option != COMPARED for made in of}
        waiting += sorted(read - found)
        found |= read
    return sorted(found)


def _compared(license_: str, behind: Sequence[Looked]) -> str:
    """Return a sentence on those of which no licence is known, "" for none; InputError for what is forbidden."""
    forbidden, unknown = list[str](), list[str]()
    for each in behind:
        model = str(each.step.options.get("model", ""))
        if hasattr(_module(each), "licenses_ahead"):
            source, texts = f"--source {each.step.options['source']}", _texts_of(each)
            forbidden += [in_parameters(each.step, told) for told in forbidding(license_, {source: texts})]
            unknown += [] if texts else [in_parameters(each.step, source)]
        elif model.startswith(SERVED):  # its terms are between the user and who serves it
            unknown.append(in_parameters(each.step, f"--model {model}"))
    if forbidden:
        raise InputError(
            f"{'; '.join(dict.fromkeys(forbidden))}; the dataset's is to be {license_} (package_dataset.license): give "
            "it an accepted one, or use another source"
        )
    named = ", ".join(dict.fromkeys(unknown))
    return f"whether it may be {license_}: no licence is known of {named}" if named else ""


def _texts_of(each: Looked) -> Sequence[str]:
    """Return what states the licence of a step's source; nothing where that cannot be read from here."""
    if each.state == "not known" and not str(each.step.options["source"]).startswith("hf://"):
        return ()  # a store that only the run's pods read would be tried again and again
    with contextlib.suppress(InputError, UnavailableError, ImportError):
        own = stated_in_folder(each.folder) if each.state == "reused" else []
        texts: Sequence[str] = own or _module(each).licenses_ahead(config_of_step(each.step))
        return texts
    return ()


def _module(each: Looked) -> Any:
    return importlib.import_module(f"components.{each.step.name}.step")
