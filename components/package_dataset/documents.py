"""The texts that go with a dataset: card, report page, lineage. What models wrote is untrusted in all of them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.package_dataset.diversity import Diversity
from components.package_dataset.exports import Exports
from components.package_dataset.forms import DATA_COLUMNS, RL_COLUMNS
from components.shared.publishing.decontamination import certificate_of
from components.shared.publishing.jinja_templates import template
from components.shared.publishing.markdown import describe_options, describe_rejected, inert_text
from components.shared.publishing.tiers import meaning_of
from components.shared.records import Example, as_dict
from components.shared.report.reject_samples import rejected_rows
from components.shared.report.report_page import Report, minute, render_page
from components.shared.report.row_figures import RowFigures
from components.shared.report.row_samples import SampledRow
from components.shared.workspace.costs import PRICE, Account, costs_of
from components.shared.workspace.lineage import (
    Stage,
    model_stages_of,
    rows_stages_of,
    sources_of,
    stages_of_all,
    within,
)

# How one of several responses was chosen, by the option of select_responses.
SELECTIONS = {
    "reward": "a reward model chose one",
    "agreement": "one was chosen whose final answer most of them have",
    "both": "a reward model chose one among those with the final answer that most of them have",
}
CITATION = """@article{ding2024unleashing,
  title={Unleashing Reasoning Capability of LLMs via Scalable Question Synthesis from Scratch},
  author={Ding, Yuyang and Shi, Xinyu and Liang, Xiaobo and Li, Juntao and Zhu, Qiaoming and Zhang, Min},
  journal={arXiv preprint arXiv:2410.18693},
  year={2024}
}"""
SIZES = (1_000, "1K"), (10_000, "10K"), (100_000, "100K"), (1_000_000, "1M"), (10_000_000, "10M")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contents:
    """What a dataset is called and what it holds."""

    title: str
    license: str
    figures: RowFigures
    first: Example | None
    samples: Sequence[SampledRow]
    diversity: Diversity | None
    exports: Exports
    price_per_gpu_hour: float = 0.0  # US dollars; 0: not known

    @property
    def metrics(self) -> dict[str, float]:
        """The figures that the manifest of the dataset has."""
        diversity = dataclasses.asdict(self.diversity) if self.diversity else {}
        price = {PRICE: self.price_per_gpu_hour} if self.price_per_gpu_hour else {}
        return {"repeated_questions": float(self.figures.num_repeated), **price} | {
            name: float(value) for name, value in diversity.items()
        }


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lineage:
    """All stages that led to the dataset, those among them that its rows came through, and what was brought in."""

    stages: Sequence[Stage]
    rows_stages: Sequence[Stage]
    sources: Sequence[str]

    @property
    def made(self) -> str:
        """When the last of the stages was finished, in UTC; "" without stages."""
        return max((stage.manifest.written_at for stage in self.stages), default="")

    @property
    def selections(self) -> str:
        """How one of several responses to a question was chosen, as the card says it; "" if nothing chose."""
        selecting = [stage.manifest.options for stage in self.rows_stages if stage.step == "select_responses"]
        ways = {str(options.get("by", "reward")) for options in selecting}  # older ones knew rewards only
        return ", or ".join(SELECTIONS[way] for way in sorted(ways))

    @property
    def sampling(self) -> str:
        """How many responses to a question there were to begin with, as the card says it."""
        sampling = [stage.manifest.options for stage in self.rows_stages if stage.step == "generate_responses"]
        if not sampling:
            return "with the responses that came with them"
        several = any(int(options.get("num_samples", 1)) > 1 for options in sampling)
        return "several responses sampled for each" if several else "one response sampled for each"

    @property
    def is_generated(self) -> bool:
        """Whether models wrote questions."""
        return any(stage.step == "generate_questions" for stage in self.rows_stages)

    @property
    def is_filtered(self) -> bool:
        """Whether questions were dropped for what they are."""
        return any(stage.step.startswith("filter_") for stage in self.rows_stages)

    @property
    def model_stages(self) -> list[Stage]:
        """The stages that made models, or the rows that models were trained on."""
        return model_stages_of(self.stages, self.rows_stages)


def trace(folders: Sequence[str]) -> Lineage:
    """Return the lineage of the dataset that is made of these folders."""
    stages = stages_of_all(folders)
    return Lineage(stages=stages, rows_stages=rows_stages_of(stages, folders), sources=sources_of(stages))


def render_lineage(lineage: Lineage) -> str:
    """Return the lineage as JSON: every stage's manifest without its list of parts, and the sources.

    Folders have their addresses within the workspace: the dataset may be moved, and who reads it need not know where
    it was made.
    """
    stages = []
    for stage in lineage.stages:
        manifest = dataclasses.asdict(stage.manifest)
        del manifest["parts"]
        for entries in manifest["inputs"].values():
            for entry in entries:
                entry["uri"] = within(entry["uri"]) if entry["kind"] else entry["uri"]
        stages.append({"folder": stage.name, "reads": [within(uri) for uri in stage.reads], **manifest})
    document = {"sources": list(lineage.sources), "stages": stages}
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def render_report(contents: Contents, lineage: Lineage, account: Account) -> str:
    """Return the report: one HTML page that loads nothing, without figures of the run that writes it."""
    report = Report(
        title=contents.title,
        state="",
        facts={"Rows made until": minute(lineage.made), "Sources": ", ".join(lineage.sources)},
        license=contents.license,
        stages=lineage.stages,
        rows_stages=lineage.rows_stages,
        figures=contents.figures,
        num_rows=contents.figures.num_rows,
        metrics=contents.metrics | {"rows": contents.figures.num_rows},
        samples=contents.samples,
        rejected=rejected_rows(lineage.rows_stages),
        account=account,
    )
    return render_page(report)


def size_category(num_rows: int) -> str:
    """Return a number of rows in the words of a card's ``size_categories``."""
    lower = "n"
    for limit, name in SIZES:
        if num_rows < limit:
            return f"{lower}<{name}" if lower == "n" else f"{lower}<n<{name}"
        lower = name
    return "n>10M"


def render_card(contents: Contents, lineage: Lineage, account: Account) -> str:
    """Return the dataset card: Markdown with the front matter that dataset hubs read."""
    filters: dict[str, Callable[..., Any]] = {
        "inert": inert_text,
        "options": describe_options,
        "rejected": describe_rejected,
        "meaning": meaning_of,
    }
    figures, front_matter = contents.figures, contents.exports.front_matter()
    return template(Path(__file__).with_name("card.md.jinja"), filters).render(
        title=contents.title,
        license=contents.license,
        figures=figures,
        exports=contents.exports,
        loading=yaml.safe_dump(front_matter, sort_keys=False) if front_matter else "",
        diversity=contents.diversity,
        certificate=certificate_of(lineage.rows_stages),
        lineage=lineage,
        costs=costs_of(lineage.stages, account),
        columns=DATA_COLUMNS,
        rl_columns=RL_COLUMNS,
        size_category=size_category(figures.num_rows),
        sample=as_dict(contents.first) if contents.first else {},
        predicted=[
            name
            for name, values in (("`difficulty`", figures.difficulty_values), ("`reward`", figures.reward_values))
            if values
        ],
        citation=CITATION,
    )
