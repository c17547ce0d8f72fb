import json
import re
from pathlib import Path

import pytest

from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run as import_questions
from components.shared.workspace import Workspace
from tests.pipelines.run_checks.forms import check_form


def test_a_form_that_is_right_says_what_will_run_and_begins_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checked = check_form("smoke", {}, tmp_path, capsys)
    assert checked.exit_code == 0, checked.message
    answer = json.loads(checked.output("executor_output.json"))
    assert answer["artifacts"].keys() == {"report"}
    assert (checked.output("gpu_tolerations"), checked.output("training_nodes")) == ("[]", "1")
    assert re.search(r"\b1[5-9] new", checked.page)
    assert not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]


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
