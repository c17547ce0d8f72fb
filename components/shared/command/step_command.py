"""A step's config as a command line: ``--name value`` for each option; one message and an exit code that says why.

A task of Kubeflow gives the executor input instead, which holds the options' values; a Job of ``manifests/jobs`` a
folder of files.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import logging
import os
import signal
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NoReturn, TypeVar

from components.shared import counters, speaking, stopping
from components.shared.command.kubeflow_artifacts import ShownFolder, Views
from components.shared.command.kubeflow_task import KubeflowTask, read_task
from components.shared.command.options_folder import read_options
from components.shared.command.pod_disk import refuse_pod_disk
from components.shared.command.several_processes import run_in_processes
from components.shared.command.termination_message import (
    BUG,
    FINISHED,
    REUSED,
    UNFINISHED,
    beginning_of,
    leave_message,
)
from components.shared.config import SharedConfig, StepConfig, flag_of, info_of, options_of, step_name
from components.shared.config.values import default_text, set_for_task, text_of, value_of
from components.shared.errors import (
    EngineDiedError,
    ExitCode,
    HeldError,
    InputError,
    UnavailableError,
    exit_code_of_error,
)
from components.shared.jobs.pod_numbers import read_pod_numbers
from components.shared.log_lines import log_format, say_error, start_logging
from components.shared.mounted_settings import take_mounted_settings
from components.shared.passing_on import MODEL_OPTIONS, SERVED_ENGINE
from components.shared.processes import RUNNER, end_with_parent
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import MANIFEST
from components.shared.workspace.reused_lines import LINE
from components.shared.workspace.spending import check_budget, counted

logger = logging.getLogger(__name__)

C = TypeVar("C", bound=StepConfig)
NO_VIEWS: Mapping[str, Any] = MappingProxyType({})


def parse_config(config: type[C], argv: Sequence[str]) -> tuple[C, KubeflowTask | None]:
    """Read a command line; return the config and Kubeflow's task (None elsewhere), which gives options as well."""
    parser = _parser(config)
    given = vars(parser.parse_args(argv))
    executor_input, folder = given.pop("executor_input"), given.pop("options_folder")
    task = read_task(executor_input) if executor_input else None
    if task is not None:
        given = _of_task(config, task, given) | {name: text for name, text in given.items() if text != ""}
    if folder:
        given |= {name: text for name, text in read_options(folder, config).items() if given[name] == ""}
    fields = options_of(config)
    values = {f.name: value_of(config, f.name, given[f.name]) for f in fields if given[f.name] != ""}
    missing = [flag_of(f.name) for f in fields if f.default is dataclasses.MISSING and f.name not in values]
    if missing:
        raise InputError(f"{', '.join(missing)} must be given; --help lists all options")
    return config(**values), task


def named_only(config: type[StepConfig], argv: Sequence[str]) -> tuple[str, KubeflowTask] | None:
    """Return the folder that a task of Kubeflow only names, and the task; None where there is work to do."""
    executor_input = _parser(config).parse_args(argv).executor_input
    task = read_task(executor_input) if executor_input else None
    return (task.result, task) if task is not None and task.result else None


def run_step(
    config: type[C],
    run: Callable[[C, Workspace], str],
    argv: Sequence[str] | None = None,
    *,
    views: Views[C] = NO_VIEWS,
) -> NoReturn:
    """Run a step as a command: read the options, run, tell Kubeflow where it asked, print the folder; then exit."""
    run_task(step_name(config), lambda: _run(config, run, sys.argv[1:] if argv is None else argv, views))


def run_task(step: str, work: Callable[[], str]) -> NoReturn:
    """Do the work of a command and print what it returns; exit as the work ended, with one message where it failed."""
    take_mounted_settings()
    start_logging()
    if os.environ.get(RUNNER) == str(os.getppid()):
        end_with_parent(signal.SIGTERM)
    try:
        log_format()
        with stopping.listening(), speaking.never_silent():
            result = work()
    except (InputError, UnavailableError, HeldError) as error:
        if stopping.requested():
            _stop(step)
        sys.exit(say_why(step, error))
    except MemoryError:
        leave_message("out of memory")
        logging.exception(
            "out of memory; start the same command again: a row that needs too much memory is then quarantined"
        )
        sys.exit(ExitCode.UNAVAILABLE)
    except (Exception, stopping.Stopped) as error:
        if not stopping.requested():
            leave_message(f"{BUG}{type(error).__name__}: {error}")
            raise
        _stop(step)  # what goes wrong while a process is stopped is of no interest
    print(result)
    sys.exit(ExitCode.DONE)


def _run(config: type[C], run: Callable[[C, Workspace], str], argv: Sequence[str], views: Views[C]) -> str:
    if named := named_only(config, argv):
        folder, naming = named
        logger.info(f"{LINE}this task has nothing to do", folder)
        leave_message(f"{REUSED}{folder}")
        naming.report(ShownFolder(folder=folder, artifacts=config.ARTIFACTS, is_reused=True))
        return folder
    parsed, task = parse_config(config, argv)
    refuse_pod_disk(parsed.workspace, of_kubeflow=task is not None)
    workspace = Workspace(parsed.workspace)
    stopping.call_if_late(workspace.release)
    try:
        # Libraries print (DeepSpeed warns on standard output, which is for the folder's address alone).
        with contextlib.redirect_stdout(sys.stderr), counters.sent_for(step_name(config)):
            folder = _worked(parsed, run, workspace, task)
    except BaseException as error:
        if stopping.requested() or not isinstance(error, (EngineDiedError, MemoryError)):
            workspace.release()
        raise
    leave_message(f"{_state_of(folder, parsed, workspace)}{folder}")
    if task is not None:
        task.report(
            ShownFolder(
                folder=folder,
                artifacts=config.ARTIFACTS,
                views={name: functools.partial(view, parsed) for name, view in views.items()},
                is_reused=folder in workspace.reused,
            )
        )
    return folder


def _state_of(folder: str, config: StepConfig, workspace: Workspace) -> str:
    """Return how the termination message begins of a step that did what it could; others may still be at its folder."""
    if folder in workspace.reused:
        return REUSED
    is_shared = isinstance(config, SharedConfig)
    return UNFINISHED if is_shared and not storage.exists(storage.join(folder, MANIFEST)) else FINISHED


def _worked(config: C, run: Callable[[C, Workspace], str], workspace: Workspace, task: KubeflowTask | None) -> str:
    """Do the work where a task says: in a Job of its own, in several processes of this machine, or in this one."""
    workspace.before_work = functools.partial(check_budget, workspace.uri, config.max_gpu_hours)
    if getattr(config, "endpoint", ""):  # a served model does the work, and this process only asks
        return run(config, workspace)
    if task is not None and task.request.profile:
        from components.shared.jobs.coordinator import run_as_job  # asks Kubernetes, which no other step does

        return run_as_job(config, workspace, task.request)
    if task is not None and isinstance(config, SharedConfig) and task.request.pods not in ("", "1"):
        return run_in_processes(config, workspace, _processes(task.request.pods))
    with counted(workspace, config.max_gpu_hours, config.num_gpus):
        return run(config, workspace)


def _processes(pods: str) -> int:
    numbers = read_pod_numbers(pods)
    if numbers.is_range:
        raise InputError(f"pods {pods!r} is a range, which only a Job takes; without a profile, give a number")
    return numbers.most


def say_why(step: str, error: InputError | UnavailableError | HeldError) -> ExitCode:
    """Say why a command fails, to who reads its log and to Kubernetes; return the exit code."""
    say_error(step, f"error: {error}")
    leave_message(f"{beginning_of(error)}{error}")
    return exit_code_of_error(error)


def _stop(step: str) -> NoReturn:
    if held := stopping.reason():
        say_why(step, held)
        stopping.end()
    told = "stopped as requested; finished parts are kept, and the same command continues"
    say_error(step, told)
    leave_message(told)
    stopping.end()


def _of_task(config: type[StepConfig], task: KubeflowTask, names: Collection[str]) -> dict[str, str]:
    """Return a text for each option, "" where the task leaves it to the step."""
    if unknown := sorted(set(task.given) - set(names)):
        raise InputError(
            f"--executor-input gives {', '.join(unknown)}, which this step does not have; expected any of "
            f"{', '.join(names)}: are the pipeline and the image of the same version?"
        )
    given = _asked_alike(task.given)
    given |= {name: text_of(value) for name, value in set_for_task(task.step_options, config, given).items()}
    given |= {name: task.models.get(given[name], given[name]) for name in MODEL_OPTIONS if name in given}
    return {name: given.get(name, "") for name in names}


def _asked_alike(given: Mapping[str, str]) -> dict[str, str]:
    """Return a task's options; one that is given an endpoint asks that, which has a chat template of its own."""
    if not given.get("endpoint"):
        return dict(given)
    return {**given, "engine": SERVED_ENGINE, "chat_template": ""}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; {self.prog} --help lists all options")


def _parser(config: type[StepConfig]) -> argparse.ArgumentParser:
    description = (config.__doc__ or "").strip()
    parser = _Parser(prog=f"python -m components.{step_name(config)}", description=description, allow_abbrev=False)
    for field in options_of(config):
        parser.add_argument(flag_of(field.name), default="", metavar="VALUE", help=_help(field))
    parser.add_argument(
        "--options-folder", default="", metavar="FOLDER", help="a file for each option, as a ConfigMap is mounted"
    )
    # Kubeflow's {{$}}: options, and where outputs are to be reported. Nothing that a person sets.
    parser.add_argument("--executor-input", default="", help=argparse.SUPPRESS)
    return parser


def _help(field: dataclasses.Field[Any]) -> str:
    info = info_of(field)
    accepted = f" ({', '.join(info.choices)})" if info.choices else ""
    default = "required" if field.default is dataclasses.MISSING else default_text(field)
    return f"{info.help}{accepted}{f' [{default}]' if default else ''}".replace("%", "%%")
