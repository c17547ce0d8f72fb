from __future__ import annotations

from components.decontaminate.config import DecontaminateConfig
from components.decontaminate.step import run as decontaminate
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.judge_paraphrases.config import JudgeParaphrasesConfig
from components.judge_paraphrases.step import run as judge_paraphrases
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.overview import summarize
from components.package_dataset.step import run
from components.shared.records import Question
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.conftest import WriteRows

TAKEN = "A baker sells 24 rolls and twice as many buns a day. How many is that together in 5 days of a week?"
OWN = ["What is 31 + 47?", "A gardener plants 8 rows of 25 tulips. How many are there?", "Find the square of 19."]


def dataset_of(workspace: Workspace, questions: str) -> str:
    asked = GenerateResponsesConfig(
        workspace=workspace.uri, questions=questions, model="scripted:any", engine="scripted", num_samples=1
    )
    responses = generate_responses(asked, workspace)
    return run(PackageDatasetConfig(workspace=workspace.uri, responses=responses), workspace)


def text_of(folder: str, name: str) -> str:
    return storage.read_bytes(storage.join(folder, name)).decode()


def test_card_and_page_certify_which_benchmarks_were_looked_for_and_what_was_removed(
    workspace: Workspace, write_rows: WriteRows, write_questions: WriteRows
) -> None:
    rows = [Question(id="b0", question=TAKEN, source="gsm8k|<b>"), Question(id="b1", question="Why?", source="math")]
    questions = write_questions(workspace, [*OWN, TAKEN.upper()])
    config = DecontaminateConfig(workspace=workspace.uri, questions=questions, benchmarks=write_rows(workspace, rows))
    folder = dataset_of(workspace, decontaminate(config, workspace))

    card, page = text_of(folder, "README.md"), text_of(folder, "report.html")
    assert "## Decontamination" in card
    assert "| math | 1 | 0 | 0 |" in card
    assert "| 1 | 1 | 0 |" in card
    assert "not compared" not in card
    assert "<b>" not in card
    assert "gsm8k|&lt;b&gt;" in page


def test_the_card_says_what_a_judge_took_for_a_benchmarks_question_in_other_words(
    workspace: Workspace, write_rows: WriteRows, write_questions: WriteRows
) -> None:
    benchmarks = write_rows(workspace, [Question(id="b0", question=TAKEN, source="gsm8k")])
    near = "Rolls and buns: of the first a baker sells 31, of the others thrice that. What is it in 6 days?"
    questions = write_questions(workspace, [*OWN, near])
    without = decontaminate(
        DecontaminateConfig(workspace=workspace.uri, questions=questions, benchmarks=benchmarks), workspace
    )
    config = JudgeParaphrasesConfig(
        workspace=workspace.uri, questions=without, benchmarks=benchmarks, model="scripted:judge", engine="scripted"
    )
    judged = judge_paraphrases(config, workspace)
    card = text_of(dataset_of(workspace, judged), "README.md")
    manifest = read_manifest(judged)
    asked, removed = manifest.rows_in - int(manifest.metrics["not_asked"]), manifest.rejected.get("paraphrase", 0)
    assert 0 < asked < manifest.rows_in
    assert f"A judge saw {asked} of the other questions beside the nearest ones" in card
    assert f"and took {removed} for one of them" in card
    assert "A judge saw" not in text_of(dataset_of(workspace, without), "README.md")


def test_a_dataset_that_nobody_compared_with_a_benchmark_says_so(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    card = text_of(dataset_of(workspace, write_questions(workspace, OWN)), "README.md")
    assert "not compared with those of any benchmark" in card
    assert "## Decontamination" not in card


def test_the_diversity_of_the_questions_stands_in_figures_card_and_page(
    workspace: Workspace, write_questions: WriteRows
) -> None:
    folder = dataset_of(workspace, write_questions(workspace, OWN))
    metrics = read_manifest(folder).metrics

    assert metrics["num_sampled"] == read_manifest(folder).rows_out >= 2
    assert 1 < metrics["vendi_score"] <= metrics["num_sampled"]
    summary = summarize(PackageDatasetConfig(workspace=workspace.uri, responses=folder), folder)
    assert summary["vendi_score"] == metrics["vendi_score"]
    for name in ("README.md", "report.html"):
        assert f"{metrics['vendi_score']:.1f}" in text_of(folder, name)
