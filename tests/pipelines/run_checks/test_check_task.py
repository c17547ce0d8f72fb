import dataclasses
import json
import re
from pathlib import Path

import pytest
import yaml

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run as import_questions
from components.shared.model_imports import LISTS
from components.shared.workspace import Workspace
from components.shared.workspace.spending import SPENT
from pipelines.arguments import in_parameters
from pipelines.compiled_pipeline import RELEASED, find
from pipelines.preset_files import PRESETS
from pipelines.run_checks.check_task import run_of
from pipelines.run_checks.told import read_told
from tests.pipelines.run_checks.forms import check_form, filled, form_of


def test_a_form_that_is_right_says_what_will_run_and_begins_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = check_form("smoke", {}, tmp_path, capsys)
    assert checked.exit_code == 0, checked.message
    answer = json.loads(checked.output("executor_output.json"))
    assert answer["artifacts"].keys() == {"report"}
    assert (checked.output("gpu_tolerations"), checked.output("training_nodes")) == ("[]", "1")
    assert re.search(r"\b20 new", checked.page)
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]


def test_a_file_for_ones_own_preset_is_checked_with_that_presets_options_and_steps(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    smoke = (PRESETS / "smoke.yaml").read_text(encoding="utf-8")
    own = smoke.replace("qft.batch_size: 8", "qft.batch_size: 4") + "pair_questions.min_fail_rate: 0.5\n"
    (mine := tmp_path / "mine.yaml").write_text(own, encoding="utf-8")
    told = read_told(form_of(str(mine), {}, tmp_path))
    assert told.preset == "mine"
    planned = {step.name: step.options for step in run_of(told).steps}
    assert planned["pair_questions"]["min_fail_rate"] == 0.5
    assert planned["train_sft"]["batch_size"] == 4, "paper.yaml has 128"
    checked = check_form(str(mine), {}, tmp_path, capsys)
    assert checked.exit_code == 0, checked.message
    page = checked.page.replace("\\", "")
    assert "| Preset | mine |" in page
    assert "| pair_questions |" in page


def test_a_file_without_benchmarks_refuses_those_of_a_form(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    values = yaml.safe_load((PRESETS / "smoke.yaml").read_text(encoding="utf-8"))
    (mine := tmp_path / "mine.yaml").write_text(yaml.safe_dump(values | {"benchmarks": [], "solvers": []}))
    assert check_form(str(mine), {}, tmp_path, capsys).exit_code == 0
    checked = check_form(str(mine), {"benchmarks": values["benchmarks"]}, tmp_path, capsys)
    assert (checked.exit_code, "is compiled for a preset with benchmarks: []" in checked.message) == (2, True)


def test_nothing_in_the_page_does_anything(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "</td><script>alert(1)</script> ![x](http://a/b) [y](javascript:c) **d** | `e` <img src=x onerror=f>"
    generator = {"source": name, "model": "random:llama", "chat_template": "own"}
    checked = check_form("smoke", {"generators": [generator]}, tmp_path, capsys)
    assert checked.exit_code == 0, checked.message
    assert "alert" in checked.page
    assert not set("<>") & set(checked.page)
    bare = re.sub(r"\\.", "", checked.page)
    assert not re.search(r"!\[|\]\(|`|javascript:|http:", bare)
    rows = [line for line in bare.splitlines() if "alert" in line]
    assert {row.count("|") for row in rows} == {5}


def test_a_budget_that_is_spent_is_refused_before_a_step_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "runs" / SPENT / "train_sft" / f"{7:016x}" / "pod-1x000036000.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    checked = check_form("smoke", {"max_gpu_hours": 10.0}, tmp_path, capsys)
    assert (checked.exit_code, "10 GPU-hours of the 10 that it may take" in checked.message) == (5, True)
    assert check_form("smoke", {"max_gpu_hours": 10.5}, tmp_path, capsys).exit_code == 0


def test_what_is_finished_is_reused_and_what_differs_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = Workspace(str(tmp_path / "runs"))
    config = ImportQuestionsConfig(workspace=workspace.uri, source="reasoning-gym:gsm_symbolic", num_questions=8)
    folder = import_questions(config, workspace)
    page = check_form("smoke", {}, tmp_path, capsys).page.replace("\\", "")
    assert f"| import_questions | reasoning-gym:gsm_symbolic | reused | {folder} |" in page
    page = check_form("smoke", {"seed": 5}, tmp_path, capsys).page.replace("\\", "")
    assert "cannot be reused, it differs in --seed 0, now 5" in page


@pytest.mark.parametrize(
    ("pipeline", "preset"), [(name, preset) for name, presets in RELEASED.items() for preset in presets]
)
def test_every_model_that_a_released_pipeline_names_is_imported_before_a_step_reads_it(
    pipeline: str, preset: str
) -> None:
    """A step reads the folder of the import, and refuses an address of the hub that names no commit."""
    released = find(pipeline, preset)
    given = {name: each["defaultValue"] for name, each in released.parameters.items() if "defaultValue" in each}
    given = {"workspace": "runs", "questions": "mine.csv", "solver": "hf://org/name@main"} | given
    steps = released.planned_steps({name: given[name] for name in released.parameters})
    imported = {step.options["source"] for step in steps if step.name == "import_model"}
    assert {item["model"] for name in LISTS for item in given.get(name, ())} <= imported
    others = [step for step in steps if not step.passes_on and not step.name.startswith("import_")]
    unfit = [(step.name, value) for step in others for value in step.options.values() if value in imported]
    assert others
    assert not unfit


def test_a_message_that_recommends_a_command_blames_the_field_and_leaves_the_command_as_it_is() -> None:
    step = next(each for each in filled("smoke").steps if each.name == "generate_questions")
    model = step.options | {"model": "hf://org/name@main"}
    step = dataclasses.replace(step, options=model, origins={**step.origins, "model": "trained_generators[0].model"})
    hint = "import it first (python -m components.import_model --source hf://org/name@main --workspace …), or name"
    message = in_parameters(step, f"'hf://org/name@main' may change to another commit; {hint} a commit")
    assert message == f"trained_generators[0].model: 'hf://org/name@main' may change to another commit; {hint} a commit"
