"""What Kubeflow shows of a finished dataset beside its page: figures to compare runs by, and a text in Markdown.

Made from the manifests and three rows, so it takes seconds, and also fits a dataset that an earlier version made.
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.package_dataset.config import PackageDatasetConfig
from components.shared.publishing.jinja_templates import template
from components.shared.publishing.markdown import describe_rejected, inert_quote, inert_text
from components.shared.records import Example
from components.shared.stores import storage
from components.shared.stores.browsing import page_of
from components.shared.workspace.costs import Account, Costs, account_of, costs_of, dollars
from components.shared.workspace.lineage import Stage, model_stages_of, rows_brought_in, rows_stages_of, stages_of
from components.shared.workspace.rows import Rows

NUM_SAMPLES = 3
SAMPLE_CHARS = 1500  # of a question or a response
_IN_A_STRING = {"&": "\\u0026", "<": "\\u003c", ">": "\\u003e", "`": "\\u0060"}  # of Python, in a block of code


@dataclass(frozen=True, kw_only=True)
class Overview:
    """A finished dataset: the stages that led to it, and what they took."""

    folder: str
    stages: Sequence[Stage]
    account: Account

    @property
    def num_rows(self) -> int:
        """How many rows it has."""
        return self.stages[-1].manifest.rows_out

    @property
    def rows_stages(self) -> list[Stage]:
        """The stages that its rows came through."""
        return rows_stages_of(self.stages)

    @property
    def model_stages(self) -> list[Stage]:
        """The stages that made models, or what these were trained on."""
        return model_stages_of(self.stages, self.rows_stages)

    @property
    def costs(self) -> Costs:
        """What all stages took."""
        return costs_of(self.stages, self.account)

    def costs_of_one(self, stage: Stage) -> Costs:
        """Return what one of them took."""
        return costs_of([stage], self.account)

    @property
    def total_yield(self) -> float:
        """Rows of the dataset for each row that was imported or generated; 0 without any."""
        brought_in = rows_brought_in(self.rows_stages)
        return self.num_rows / brought_in if brought_in else 0.0

    @property
    def yields(self) -> dict[str, float]:
        """The share of its rows that each step kept, over all folders that it made on the way."""
        rows_in, rows_out = Counter[str](), Counter[str]()
        for stage in self.rows_stages:
            rows_in[stage.step] += stage.manifest.rows_in
            rows_out[stage.step] += stage.manifest.rows_out
        return {step: rows_out[step] / number for step, number in rows_in.items() if number}


@functools.lru_cache(maxsize=1)
def overview_of(config: PackageDatasetConfig, folder: str) -> Overview:
    """Return what is told of a finished dataset; the task asks for it once for its figures, and once for its text."""
    stages = stages_of(folder)
    return Overview(folder=folder, stages=stages, account=account_of(stages, config.price_per_gpu_hour))


def summarize(config: PackageDatasetConfig, folder: str) -> dict[str, float]:
    """Return the figures to compare runs by; hours and tokens are those of all stages, reused ones included."""
    overview = overview_of(config, folder)
    costs = overview.costs
    figures = {
        "rows": overview.num_rows,
        "yield": overview.total_yield,
        **{f"yield_{step}": share for step, share in overview.yields.items()},
        "gpu_hours": costs.gpu_hours,
        "process_hours": costs.seconds / 3600,
        "tokens_read": costs.tokens_read,
        "tokens_written": costs.tokens_written,
    }
    its_own = overview.stages[-1].manifest.metrics
    figures |= {name: its_own[name] for name in ("vendi_score", "largest_cluster") if name in its_own}
    if costs.money:
        figures["cost"] = costs.money
        figures |= {"cost_per_1000_rows": costs.money / overview.num_rows * 1000} if overview.num_rows else {}
    return figures | _by_step(overview)


def _by_step(overview: Overview) -> dict[str, float]:
    """Return the GPU-hours and tokens of each step, all its folders together; what it took none of is left out."""
    figures: dict[str, float] = {}
    for step in dict.fromkeys(stage.step for stage in overview.stages):
        costs = costs_of([stage for stage in overview.stages if stage.step == step], overview.account)
        taken = {"gpu_hours": costs.gpu_hours, "tokens_read": costs.tokens_read, "tokens_written": costs.tokens_written}
        figures |= {f"{name}_{step}": value for name, value in taken.items() if value}
    return figures


def overview_text(config: PackageDatasetConfig, folder: str) -> bytes:
    """Return the text: where the dataset is, how to load it, the funnel, three rows; what others wrote is inert."""
    filters: dict[str, Callable[..., Any]] = {
        "dollars": dollars,
        "inert": inert_text,
        "quote": inert_quote,
        "rejected": describe_rejected,
    }
    told = overview_of(config, folder)
    text = template(Path(__file__).with_name("overview.md.jinja"), filters).render(
        title=config.title,
        told=told,
        costs=told.costs,
        files=told.stages[-1].manifest.files,
        link=page_of(folder),
        is_remote=storage.is_remote(folder),
        literal=python_literal(folder),
        samples=samples_of(folder),
        sample_chars=SAMPLE_CHARS,
    )
    return text.encode()


def python_literal(text: str) -> str:
    """Return a string as Python code without a sign that HTML or Markdown would take for its own."""
    return "".join(_IN_A_STRING.get(character, character) for character in json.dumps(text))


def samples_of(folder: str) -> list[Example]:
    """Return the first row, the middle one and the last one; those that there are."""
    rows = Rows([folder], Example)
    wanted, found, start = sorted({0, len(rows) // 2, len(rows) - 1}), [], 0
    for slice_ in rows.slices():
        inside = [number - start for number in wanted if start <= number < start + len(slice_)]
        if inside:
            part = rows.read(slice_)
            found += [part[index] for index in inside]
        start += len(slice_)
    return found
