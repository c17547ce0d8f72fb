import json
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from pipelines.parameters import all_parameters
from pipelines.parameters_command import Asked, list_parameters


def listed(asked: Asked, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return what the command prints as JSON."""
    assert list_parameters(asked, as_json=True) == ExitCode.DONE
    content: dict[str, Any] = json.loads(capsys.readouterr().out)
    return content


def test_each_value_is_listed_with_its_default_its_help_and_where_it_is_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (mine := tmp_path / "mine.yaml").write_text(
        "extends: smoke\nqft.epochs: 3\nseed_num_questions: 4\n", encoding="utf-8"
    )
    asked = Asked(preset=str(mine), settings=["seed=5", "deduplicate.min_similarity=0.7"])
    content = listed(asked, capsys)
    by_name = {each["name"]: each for each in [*content["parameters"], *content["options"]]}
    found = {
        name: (by_name[name]["value"], by_name[name]["default"], by_name[name]["source"].rpartition("/")[2])
        for name in (
            "seed",
            "seed_num_questions",
            "qft.epochs",
            "deduplicate.min_similarity",
            "hub_secret",
            "workspace",
        )
    }
    assert found == {
        "seed": (5, 0, "--set"),
        "seed_num_questions": (4, None, "mine.yaml:3"),
        "qft.epochs": (3, 1, "mine.yaml:2"),
        "deduplicate.min_similarity": (0.7, 0.6, "--set"),
        "hub_secret": ("huggingface-token", "huggingface-token", "default"),
        "workspace": (None, None, "--workspace"),
    }
    assert by_name["engine"]["source"].startswith("preset smoke:")
    assert by_name["engine"]["choices"] == ["vllm", "scripted"]
    assert all(each["help"] for each in by_name.values())


def test_what_a_preset_leaves_to_its_user_is_said_to_be_not_set(capsys: pytest.CaptureFixture[str]) -> None:
    assert list_parameters(Asked(preset="answer"), as_json=False) == ExitCode.DONE
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("questions ")]
    assert "not set: give --set" in line


def test_options_at_their_default_are_listed_where_they_are_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    few = listed(Asked(preset="smoke"), capsys)["options"]
    all_options = listed(Asked(preset="smoke", with_options=True), capsys)["options"]
    assert "deduplicate.min_similarity" not in {each["name"] for each in few}
    (option,) = [each for each in all_options if each["name"] == "deduplicate.min_similarity"]
    assert (option["value"], option["source"]) == (0.6, "default")
    assert len(all_options) > 2 * len(few)


def test_without_a_preset_all_parameters_are_listed_with_the_pipelines_that_have_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    by_name = {each["name"]: each for each in listed(Asked(), capsys)["parameters"]}
    assert set(by_name) == set(all_parameters())
    assert by_name["judge"]["pipelines"] == ["answer_questions"]
    assert list_parameters(Asked(), as_json=False) == ExitCode.DONE
    (line,) = [each for each in capsys.readouterr().out.splitlines() if each.startswith("seed ")]
    assert line.split()[:4] == ["seed", "0", "all", "random"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(preset="papr"), "unknown preset 'papr'; did you mean 'paper'?"),
        (Asked(preset="paper", settings=["sead=1"]), "unknown parameter 'sead'; did you mean 'seed'?"),
        (Asked(preset="paper", settings=["seed=x"]), "parameter seed: 'x' is not accepted; expected a whole number"),
        (Asked(preset="paper", pipeline="scalquest"), "unknown pipeline 'scalquest'; did you mean 'scalequest'?"),
    ],
)
def test_what_there_is_not_is_refused_as_by_a_run(
    asked: Asked, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert list_parameters(asked, as_json=False) == ExitCode.BAD_INPUT
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", f"scalequest parameters: error: {message}\n")
