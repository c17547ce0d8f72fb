"""The page of a dataset or of a run as HTML: it loads nothing, runs nothing, and shows what models wrote as text."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from components.shared.publishing.decontamination import certificate_of
from components.shared.publishing.jinja_templates import template
from components.shared.publishing.markdown import describe_options
from components.shared.redaction import excerpt, redacted
from components.shared.report.charts import Chart, histogram_chart, quartile_chart
from components.shared.report.formulas import typeset
from components.shared.report.lineage_drawing import draw
from components.shared.report.quality_checks import checks_of, emptied_by
from components.shared.report.reject_samples import RejectedRows
from components.shared.report.row_figures import RowFigures
from components.shared.report.row_samples import SampledRow
from components.shared.report.used_models import used_models
from components.shared.workspace.costs import NO_ACCOUNT, Account, costs_of, dollars
from components.shared.workspace.lineage import Stage, rows_brought_in
from components.shared.workspace.manifests import Manifest

MAX_QUESTION, MAX_RESPONSE, MAX_OTHER, MAX_REJECT = 2000, 4000, 1500, 500  # characters that are shown
MAX_SOURCES = 12  # that can be filtered by
THIRDS = ("low", "middle", "high")
_TEMPLATES = Path(__file__).parent
UNITS = {"question": "questions", "response": "responses"}  # by kind of row


@dataclass(frozen=True, kw_only=True)
class Making:
    """A folder that is not finished."""

    step: str
    told: str  # how far it is, and who works on it


@dataclass(frozen=True, kw_only=True)
class Report:
    """What a page tells."""

    title: str
    state: str  # "finished", "running", "failed", …
    message: str = ""  # why it failed
    workspace: str = "WORKSPACE"  # its address in commands; a page that is published does not tell where it was made
    facts: Mapping[str, str]  # of the header: date, preset, command, …
    license: str = ""
    stages: Sequence[Stage]
    rows_stages: Sequence[Stage]
    making: Sequence[Making] = ()
    figures: RowFigures
    num_rows: int  # of which ``figures`` may have seen some
    metrics: Mapping[str, float] = field(default_factory=dict)
    samples: Sequence[SampledRow] = ()
    rejected: Sequence[RejectedRows] = ()
    account: Account = NO_ACCOUNT

    @property
    def is_finished(self) -> bool:
        """Whether no later stage will change what it tells."""
        return self.state in ("", "finished")

    @property
    def brought_in(self) -> int:
        """How many rows were generated or imported to begin with."""
        return rows_brought_in(self.rows_stages)

    @property
    def is_dataset(self) -> bool:
        """Whether its rows have responses."""
        return bool(self.figures.response_lengths)

    @property
    def charts(self) -> list[Chart]:
        """The distributions that there are values for."""
        of = self.figures
        charts = (
            histogram_chart("Difficulty", of.difficulty_values, "predicted fail rate"),
            histogram_chart("Reward", of.reward_values, "score of the reward model"),
            quartile_chart(
                "Reward by difficulty", *of.pairs, "predicted fail rate; box: half of the rows, line: median"
            ),
            histogram_chart("Length of questions", of.question_lengths, "characters"),
            histogram_chart("Length of responses", of.response_lengths, "tokens"),
        )
        return [chart for chart in charts if chart]


def render_page(report: Report) -> str:
    """Return the page; the same content gives the same bytes."""
    certificate = certificate_of(report.rows_stages)
    on_the_way = frozenset(stage.folder for stage in report.rows_stages)
    sources = [bar.label for bar in report.figures.by_source][:MAX_SOURCES]
    style = template(_TEMPLATES / "report_style.css.jinja").render(num_sources=len(sources), thirds=THIRDS)
    costs = costs_of(report.stages, report.account)
    return _page(report.account).render(
        report=report,
        figures=report.figures,
        style=Markup(style),  # noqa: S704 -- our own
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        checks=checks_of(
            report.figures, report.rows_stages, certificate, report.metrics, is_finished=report.is_finished
        ),
        emptied_by=emptied_by(report.rows_stages),
        certificate=certificate,
        models=used_models(report.stages),
        drawing=draw(report.stages, on_the_way),
        costs=costs,
        longest=_longest(report.rows_stages),
        sources=sources,
        thirds=THIRDS,
        third_of=_thirds(report),
        limits={"question": MAX_QUESTION, "response": MAX_RESPONSE, "other": MAX_OTHER, "reject": MAX_REJECT},
    )


def _page(account: Account) -> jinja2.Template:
    filters: dict[str, Callable[..., Any]] = {
        "options": describe_options,
        "costs": lambda stage: costs_of([stage], account),
        "dollars": dollars,
        "excerpt": excerpt,
        "typeset": _typeset,
        "unit": unit_of,
        "outside": _outside,
    }
    return template(_TEMPLATES / "report.html.jinja", filters, finalize=_masked)


def minute(time: str) -> str:
    """Return a time of manifests and runs, which are in UTC, to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC" if time else ""


def _masked(value: Any) -> Any:
    """Mask secrets in a text before it is escaped."""
    return redacted(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _typeset(text: str, limit: int) -> Markup:
    """Return a text with its formulas, cut where it is too long to be looked at."""
    text = redacted(text)
    if len(text) <= limit:
        return typeset(text)
    return typeset(text[:limit].rstrip()) + Markup(" <small>… ({:,} characters)</small>").format(len(text))


def _longest(rows_stages: Sequence[Stage]) -> dict[str, int]:
    """Return the most rows of a stage by kind: questions and responses are not on one scale."""
    longest: dict[str, int] = {}
    for stage in rows_stages:
        unit = unit_of(stage)
        longest[unit] = max(longest.get(unit, 1), stage.manifest.rows_in)
    return longest


def unit_of(stage: Stage) -> str:
    """Return what the rows of a stage are counted in."""
    return UNITS.get(stage.manifest.kind, "rows")


def _outside(manifest: Manifest) -> str:
    """Return what a stage read from outside of the workspace, in one line."""
    return ", ".join(entry.uri for entries in manifest.inputs.values() for entry in entries if not entry.is_folder)


def _thirds(report: Report) -> dict[str, dict[str, str]]:
    """Return for each sampled row by id in which third of the rows its difficulty and its reward are."""
    values = {"difficulty": report.figures.difficulty_values, "reward": report.figures.reward_values}
    found: dict[str, dict[str, str]] = {}
    for name, of in values.items():
        ordered = sorted(of)
        limits = [ordered[len(ordered) * number // 3] for number in (1, 2)] if ordered else []
        for sample in report.samples:
            value: Any = getattr(sample.row, name)
            if value is not None and limits:
                found.setdefault(sample.row.id, {})[name] = THIRDS[sum(value >= limit for limit in limits)]
    return found
