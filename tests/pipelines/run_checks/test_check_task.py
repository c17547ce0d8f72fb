import json
import re
from pathlib import Path

import pytest

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
