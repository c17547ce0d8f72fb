"""The first task of a run: checks it, resolves its hardware, and tells both to Kubeflow."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence

from components.shared.command.termination_message import BAD_INPUT, leave_message
from components.shared.errors import ExitCode, InputError, UnavailableError
from components.shared.jobs.job_profiles import CONFIG_MAP
from components.shared.redaction import log_redacted, redacted
from pipelines.compiled_pipeline import CHECK_NAME
from pipelines.run_checks.hardware_outputs import AskedHardware, CheckedHardware, resolve_hardware
from pipelines.run_checks.told import Told, read_told

ALLOWED_BY = f"the Role scalequest-step of this account allows the run to read the ConfigMap {CONFIG_MAP}"


def main(argv: Sequence[str]) -> int:
    """Check a run; return the exit code: 2, with one message, for what could not work."""
    log_redacted("%(asctime)s %(levelname)s %(name)s: %(message)s")
    try:
        if len(argv) != 2 or argv[0] != "--executor-input":
            raise InputError("expected --executor-input {{$}}, as Kubeflow Pipelines passes it")
        check(read_told(argv[1]))
    except (InputError, UnavailableError) as error:
        is_input = isinstance(error, InputError)
        sys.stderr.write(redacted(f"{CHECK_NAME}: error: {error}\n"))
        leave_message(f"{BAD_INPUT if is_input else ''}{error}")
        return ExitCode.BAD_INPUT if is_input else ExitCode.UNAVAILABLE
    return ExitCode.DONE


def check(told: Told) -> None:
    """Check a run and report its hardware; InputError or UnavailableError says why it could not work."""
    hardware = resolve_hardware(_asked(told), _profiles)
    told.report(dataclasses.asdict(hardware), _page(hardware))


def _asked(told: Told) -> AskedHardware:
    arguments = told.arguments
    return AskedHardware(
        profile=str(arguments.get("profile", "")),
        gpu_work=str(arguments.get("gpu_work", "job")),
        pods=str(arguments.get("pods", "1")),
        cpu_image=told.images["cpu_image"],
        vllm_image=told.images["vllm_image"],
        train_image=told.images["train_image"],
    )


def _profiles() -> Mapping[str, str]:
    """Return the files of the namespace's profiles."""
    from components.shared.jobs.selected_jobs import SelectedJobs  # the Kubernetes client: not on a laptop
    from components.shared.kubernetes_api import connect

    namespace = connect("profile names an entry of a ConfigMap in the run's namespace")
    return SelectedJobs(namespace, "", allowed_by=ALLOWED_BY).profiles()


def _page(hardware: CheckedHardware) -> str:
    rows = [f"| {name} | `{value}` |" for name, value in dataclasses.asdict(hardware).items() if name != "profile"]
    return "\n".join(["## Hardware of the tasks", "", "| output | value |", "|---|---|", *rows, ""])
