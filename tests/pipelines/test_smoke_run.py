"""The key test: the compiled pipeline `scalequest`, whole, through kfp.local, every step a process of its own."""

import json
from collections import Counter
from pathlib import Path

import pytest

from components.package_dataset.config import PackageDatasetConfig
from components.shared.stores import storage
from components.shared.workspace._uses import IN_USE
from components.shared.workspace.lineage import rows_stages_of, stages_of
from components.shared.workspace.listing import listing_of
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.run_records import RUNS, read_runs
from pipelines.filter_questions import CPU_FILTERS
from pipelines.workspace_folders import newest_dataset
from tests.pipelines.test_cli import scalequest
from tests.smoke_runs import Finished, folders_of, run_smoke

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
]  # a run takes one minute on two idle cores, and more beside others

ANSWER_STEPS = {"generate_responses", "score_responses", "select_responses", "package_dataset"}


def contents_of(workspace: str) -> dict[str, str]:
    """Return every file's digest and time of change by its path; but for the marks and logs of processes."""
    return {
        str(path): f"{storage.digest_file(path)} {path.stat().st_mtime_ns}"
        for path in Path(workspace).rglob("*")
        if path.is_file() and not {IN_USE, RUNS} & {*path.relative_to(workspace).parts}
    }


def test_a_run_leaves_a_dataset_that_opens_as_json(undisturbed: Finished) -> None:
    folder = newest_dataset(undisturbed.workspace)
    lines = [line for path in sorted(Path(folder, "jsonl").iterdir()) for line in path.read_text().splitlines()]
    assert len(lines) == read_manifest(folder).rows_out > 0
    assert all(json.loads(line)["question"] and json.loads(line)["response"] for line in lines)
    assert {json.loads(line)["source"] for line in lines} == {"first"}


def test_every_folder_is_finished_and_its_ledger_adds_up(undisturbed: Finished) -> None:
    for folder in undisturbed.folders:
        manifest = read_manifest(storage.join(undisturbed.workspace, folder))
        assert manifest.rows_in == manifest.rows_out + sum(manifest.rejected.values()), folder


def test_rows_come_through_the_stages_of_the_figure_in_its_order(undisturbed: Finished) -> None:
    steps = [stage.step for stage in rows_stages_of(stages_of(newest_dataset(undisturbed.workspace)))]
    assert steps == [
        "generate_questions",
        *CPU_FILTERS,
        "decontaminate",
        "filter_solvability",
        "score_difficulty",
        "sample_difficulty",
        "generate_responses",
        "score_responses",
        "select_responses",
        "package_dataset",
    ]


def test_a_run_prints_a_line_a_step_the_funnel_and_where_the_dataset_is(undisturbed: Finished) -> None:
    lines = undisturbed.output.splitlines()
    steps = [line for line in lines if line.split("/")[0].strip().isdigit()]
    assert len(steps) == int(steps[-1].split("/")[0]) == int(lines[0].split(", ")[1].split()[0])
    assert any(line.startswith("filter_solvability ") for line in lines)
    folder = newest_dataset(undisturbed.workspace)
    assert any(line.startswith(f"dataset     {folder} (") for line in lines)
    assert f"page        file://{folder}/report.html" in lines
    assert len(lines) - len(steps) < 40


def test_a_run_leaves_the_logs_of_its_steps_and_how_it_ended(undisturbed: Finished) -> None:
    run = read_runs(listing_of(undisturbed.workspace))[0]
    assert run.state == "succeeded"
    assert len(run.logs) == run.record.num_steps
    result = scalequest("logs", run.uri, "package_dataset", cwd=Path(undisturbed.workspace))
    assert result.stdout.startswith("==> ")
    assert ": finished " in result.stdout
    listed = scalequest("list", undisturbed.workspace, cwd=Path(undisturbed.workspace))
    assert {line.split()[0] for line in listed.stdout.splitlines() if line.strip()} >= undisturbed.folders


def test_the_same_command_again_reuses_everything(undisturbed: Finished, tmp_path: Path) -> None:
    before = contents_of(undisturbed.workspace)
    result = run_smoke(undisturbed.workspace, tmp_path)
    assert result.returncode == 0
    steps = [line for line in result.stdout.splitlines() if line.split("/")[0].strip().isdigit()]
    assert all(" reused " in line for line in steps), result.stdout
    assert contents_of(undisturbed.workspace) == before


def test_one_option_changed_makes_anew_only_what_depends_on_it(undisturbed: Finished, tmp_path: Path) -> None:
    before = folders_of(undisturbed.workspace)  # other tests' runs stand there, too
    result = run_smoke(undisturbed.workspace, tmp_path, "solver_num_responses=3")
    assert result.returncode == 0, result.stdout + result.stderr
    new = folders_of(undisturbed.workspace) - before
    assert {name.split("/")[0] for name in new} == ANSWER_STEPS
    assert len(new) == len(ANSWER_STEPS)


def test_an_option_that_is_set_for_its_step_reaches_it_and_json_tells_what_was_made(
    undisturbed: Finished, tmp_path: Path
) -> None:
    before = folders_of(undisturbed.workspace)
    result = run_smoke(undisturbed.workspace, tmp_path, "package_dataset.license=mit", as_json=True)
    assert result.returncode == 0, result.stdout + result.stderr
    (folder,) = folders_of(undisturbed.workspace) - before
    told = json.loads(result.stdout)
    assert told["folder"] == f"{undisturbed.workspace}/{folder}"
    assert (told["state"], told["exit_code"], told["steps_done"]) == ("succeeded", 0, told["num_steps"])
    assert told["rows"] == read_manifest(told["folder"]).rows_out
    assert told["page"] == f"file://{told['folder']}/report.html"
    assert told["seconds"] > 0 < told["costs"]["tokens_written"]
    assert folder.startswith("package_dataset/")
    assert json.loads((Path(undisturbed.workspace, folder) / "_plan.json").read_text())["options"]["license"] == "mit"


def test_a_run_that_ends_in_solvers_trains_and_compares_them_on_its_dataset_and_reuses_the_rest(
    undisturbed: Finished, tmp_path: Path
) -> None:
    before = folders_of(undisturbed.workspace)
    solvers = ", ".join(
        f"{{source: {name}, model: 'random:llama', chat_template: alpaca, learning_rate: {rate}}}"
        for name, rate in (("slow", 1e-4), ("fast", 1e-3))
    )
    result = run_smoke(undisturbed.workspace, tmp_path, f"solvers=[{solvers}]")
    assert result.returncode == 0, result.stdout + result.stderr
    new = folders_of(undisturbed.workspace) - before
    assert Counter(name.split("/")[0] for name in new) == {
        "train_sft": 2, "evaluate": 3, "find_contamination": 1, "compare_solvers": 2,
    }  # fmt: skip
    manifests = {name: read_manifest(storage.join(undisturbed.workspace, name)) for name in new}
    learnt = [entry.uri for each in manifests.values() if each.step == "train_sft" for entry in each.inputs["examples"]]
    (dataset,) = (name for name in undisturbed.folders if name.startswith("package_dataset/"))
    assert learnt == [storage.join(undisturbed.workspace, dataset)] * 2
    assert all(each.inputs["before"] for each in manifests.values() if each.step == "compare_solvers")


def test_show_of_the_workspace_prints_the_funnel_of_its_dataset(undisturbed: Finished) -> None:
    result = scalequest("show", undisturbed.workspace, cwd=Path(undisturbed.workspace))
    assert result.returncode == 0
    assert f"package_dataset (version {PackageDatasetConfig.VERSION})" in result.stdout
    assert "filter_language" in result.stdout


def test_an_input_that_is_not_there_ends_the_run_before_its_first_step_with_one_message_and_exit_code_2(
    tmp_path: Path,
) -> None:
    missing = tmp_path / "missing.jsonl"
    source = f"seed_questions=[{{source: {missing}, question_column: question, answer_column: answer}}]"
    result = run_smoke(str(tmp_path / "workspace"), tmp_path, source)
    assert result.returncode == 2
    assert "scalequest run: error: seed_questions[0].source" in result.stderr
    assert str(missing) in result.stderr
    assert "Traceback" not in result.stderr + result.stdout
    assert not (tmp_path / "workspace").exists()


def test_no_process_of_a_run_wants_anything_of_the_network(undisturbed: Finished) -> None:
    assert undisturbed.network.attempts == []


def test_nothing_in_a_run_sends_what_leaves_the_machine(undisturbed: Finished) -> None:
    if undisturbed.network.unrouted is None:
        pytest.skip("this machine does not let its users have network namespaces")
    assert not any(undisturbed.network.unrouted.values()), undisturbed.network.unrouted
