import os
from pathlib import Path

import pytest

from components.shared.errors import InputError
from pipelines.arguments import prepare_run
from pipelines.compiling import compile_preset
from pipelines.preset_files import placed_preset, read_preset

BROKEN = [
    ("", "mine.yaml: expected lines of `name: value`, found nothing"),
    ("- 1", "mine.yaml: expected lines of `name: value`, found a list"),
    ("some text", "mine.yaml: expected lines of `name: value`, found a text"),
    ("extends: paper\nseed: [", "mine.yaml:2: is not YAML: while parsing a flow node"),
    ("extends: paper\n\tseed: 1", "mine.yaml:2: is not YAML: while scanning for the next token found character '\\t'"),
    ("extends: paper\n1: 2", "mine.yaml:2: '1' is no name; expected lines of `name: value`"),
    ("extends: paper\nseed: 1\nseed: 2", "mine.yaml:3: is not YAML: 'seed' stands twice, first in line 2; delete one"),
    ("extends: paper\nseed: \x01", "mine.yaml:2: is not YAML: no text has the character U+0001"),
    ("extends: paper\nseed: !!python/tuple [1]", "mine.yaml:2: is not YAML: could not determine a constructor"),
    ("extends: paper\na: &a [*a]", "mine.yaml: expected numbers, texts, lists and mappings"),
    ("seed: 1", "mine.yaml is no preset: it has no value for 'pipeline'; add `extends: PRESET` (one of answer, "),
    ("pipeline: scalquest", "mine.yaml:1: unknown pipeline 'scalquest'; did you mean 'scalequest'?"),
    ("extends: papr", "mine.yaml:1: extends: unknown preset 'papr'; did you mean 'paper'?"),
    ("extends: ''", "mine.yaml:1: extends is ''; expected the name of a preset, or the path of a .yaml file"),
    ("extends: [paper]", "mine.yaml:1: extends is ['paper']; expected the name of a preset"),
    ("extends: mine.yaml", "mine.yaml:1: mine.yaml extends mine.yaml, in a circle"),
    ("extends: paper\nsead: 1", "mine.yaml:2: unknown parameter 'sead'; did you mean 'seed'?"),
    ("extends: paper\nxyz: 1", "mine.yaml:2: unknown parameter 'xyz'; `scalequest parameters PRESET` lists all"),
    ("extends: paper\nseed: x", "mine.yaml:2: parameter seed: 'x' is not accepted; expected a whole number"),
    ("extends: paper\nseed: 1.5", "mine.yaml:2: parameter seed: 1.5 is not accepted; expected a whole number"),
    ("extends: paper\nseed:", "mine.yaml:2: parameter seed has no value; expected a whole number"),
    ("extends: paper\nengine: gpt", "mine.yaml:2: parameter engine: 'gpt' is not accepted; expected one of vllm, "),
    ("extends: paper\ngenerators: []", "mine.yaml:2: parameter generators: [] is not accepted; expected a list of"),
    ("extends: paper\nworkspace: runs", "mine.yaml:2: workspace: a preset has none; give --workspace"),
    ("extends: paper\noptions: x", "mine.yaml:2: options: write a line STEP.OPTION: VALUE for each option instead"),
    ("extends: paper\nqft.nope: 1", "mine.yaml:2: qft.nope: train_sft has no option 'nope'; expected one of"),
    ("extends: paper\nqft.epochs: x", "mine.yaml:2: qft.epochs: --epochs 'x' is not accepted; expected a whole number"),
    ("extends: paper\nnope.x: 1", "mine.yaml:2: nope.x: unknown step 'nope'; expected one of"),
    ("extends:", "mine.yaml:1: extends has no value; expected the name of a preset, or the path of a .yaml file"),
    ("extends: paper\njudge: 'x\nseed: 1\n", "mine.yaml:2: is not YAML: while scanning a quoted scalar"),
    ("extends: paper\nseed 3\npods: 2\n", "mine.yaml:2: is not YAML: while scanning a simple key could not find"),
    ('extends: paper\njudge: "\\e[31m"', "mine.yaml:2: no text has the character U+001B"),
    (
        "extends: paper\nmax_gpu_hours: .nan",
        "mine.yaml:2: parameter max_gpu_hours: nan is not accepted; expected",
    ),
    (
        "extends: paper\nmax_cost: .inf",
        "mine.yaml:2: parameter max_cost: inf is not accepted; expected",
    ),
    ("extends: paper\nmax_gpu_hours: 100h", "mine.yaml:2: parameter max_gpu_hours: '100h' is not accepted; expected a"),
    ("extends: paper\nprice_per_gpu_hour: 2 $", "mine.yaml:2: parameter price_per_gpu_hour: '2 $' is not accepted; "),
    ("extends: paper\nqft.learning_rate: .nan", "mine.yaml:2: qft.learning_rate: nan is not accepted; expected"),
    ("extends: paper\nqft: {epochs: 1}", "mine.yaml:2: qft is a step; write a line qft.OPTION: VALUE for each option"),
    ("extends: paper\ngates: [a, b]", "mine.yaml:2: gates: ['a', 'b'] is not accepted; expected one text: STEP FIGURE"),
    ("extends: paper\nexpected: x", "mine.yaml:2: expected: 'x' is not accepted; expected a mapping of steps"),
    ("extends: paper\nstep_defaults: 1", "mine.yaml:2: step_defaults: expected a mapping of each step to its options"),
    ("extends: paper\nstep_defaults: {nope: {}}", "mine.yaml:2: step_defaults: unknown step 'nope'; expected one of"),
    ("extends: paper\nstep_defaults: {train_dpo: {beta: 3}}", "mine.yaml:2: step_defaults: train_dpo beta is 0.1"),
]


def preset(folder: Path, text: str, name: str = "mine.yaml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


@pytest.mark.parametrize(("text", "message"), BROKEN)
def test_what_is_wrong_with_a_preset_is_told_with_its_file_and_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_preset(preset(tmp_path, text))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("papr", "unknown preset 'papr'; did you mean 'paper'?"),
        ("xyz", "unknown preset 'xyz'; expected one of answer, answer-smoke, laptop, "),
        ("", "unknown preset ''; expected one of answer, "),
        ("mien.yaml", "there is no such file; did you mean 'mine.yaml'?"),
        ("none/x.yaml", "there is no such file; expected a file of this machine, or one of answer, "),
        ("folder.yaml", "folder.yaml is no preset: expected a file whose name ends in .yaml"),
        ("./mine", "mine is no preset: expected a file whose name ends in .yaml"),
        ("Mine!.yaml", "a preset's name is of a-z, 0-9 and -, at most 40; rename the file"),
        ("bytes.yaml", "bytes.yaml:2: is not UTF-8 text; save it as UTF-8"),
        ("loop.yaml", "loop.yaml is no preset: it leads to no file (a broken link, a pipe or a device)"),
        ("pipe.yaml", "pipe.yaml is no preset: it leads to no file (a broken link, a pipe or a device)"),
    ],
)
def test_a_name_that_is_no_presets_is_explained(
    name: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    preset(tmp_path, "extends: paper")
    preset(tmp_path, "extends: paper", "Mine!.yaml")
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"extends: paper\ngenerator: \xff\n")
    with pytest.raises(InputError) as caught:
        read_preset(name)
    assert message in str(caught.value)


def test_a_preset_has_the_values_of_those_that_it_extends_and_its_own_over_them(tmp_path: Path) -> None:
    preset(tmp_path, "extends: smoke\nseed: 3\nseed_num_questions: 4\npods: 8", "base.yaml")
    mine = placed_preset(preset(tmp_path, "extends: base.yaml\nseed: 5\nqft.learning_rate: 1e-5"))
    assert mine.pipeline == "scalequest"
    assert {
        name: mine.values[name] for name in ("seed", "seed_num_questions", "pods", "engine", "qft.learning_rate")
    } == {
        "seed": 5,
        "seed_num_questions": 4,
        "pods": "8",
        "engine": "scripted",
        "qft.learning_rate": 1e-5,
    }
    places = [mine.places[name] for name in ("seed", "seed_num_questions", "engine")]
    lines = (Path(__file__).parents[2] / "pipelines/presets/smoke.yaml").read_text(encoding="utf-8").splitlines()
    engine = 1 + lines.index("engine: scripted")
    assert places == [f"{tmp_path}/mine.yaml:2", f"{tmp_path}/base.yaml:3", f"preset smoke:{engine}"]


def test_presets_that_extend_each_other_are_refused(tmp_path: Path) -> None:
    preset(tmp_path, "extends: mine.yaml", "base.yaml")
    with pytest.raises(InputError, match=r"base.yaml:1: mine.yaml extends base.yaml extends mine.yaml, in a circle"):
        read_preset(preset(tmp_path, "extends: base.yaml"))


def test_a_whole_number_may_be_written_with_an_exponent(tmp_path: Path) -> None:
    (number,) = [read_preset(preset(tmp_path, "extends: smoke\nseed: 1e3"))["seed"]]
    assert number == 1000
    assert isinstance(number, int)


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xef\xbb\xbfextends: smoke\n")
    assert read_preset(str(tmp_path / "mine.yaml"))["pipeline"] == "scalequest"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("extends: answer-smoke\nsolver_num_responses: 0", "mine.yaml:2: solver_num_responses 0 is out of range"),
        ("extends: answer-smoke\nqft.epochs: 1", "mine.yaml:2: qft.epochs: answer_questions has no such step"),
        ("extends: answer-smoke\nrewriter: x", "mine.yaml:2: rewriter: answer_questions has no such parameter"),
        ("extends: answer-smoke\nstore_secret: A_b", "mine.yaml:2: store_secret 'A_b' is not a valid name of a Secret"),
        ("extends: answer-smoke\npods: many", "mine.yaml:2: pods 'many' is not accepted"),
        ("extends: answer-smoke\npods: 16..2", "mine.yaml:2: pods '16..2' is not accepted; expected a number from 1"),
        ("extends: answer-smoke\nmax_gpu_hours: -1", "mine.yaml:2: parameter max_gpu_hours: -1.0 is out of range"),
        (
            "extends: answer-smoke\ngates: nope kept >= 0.5 stop",
            "mine.yaml:2: gates: 'nope kept >= 0.5 stop': there",
        ),
        (
            "extends: smoke\ngenerators: [{source: a, model: 'random:llama', chat_template: own, x: 1}]",
            "mine.yaml:2: generators: {'source': 'a', 'model': 'random:llama', 'chat_template': 'own', 'x': 1} has 'x'",
        ),
    ],
)
def test_a_value_that_the_pipeline_cannot_have_is_told_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepare_run(preset(tmp_path, text), [], "runs")
    assert message in str(caught.value)


def test_a_value_of_a_command_is_not_told_with_the_line_of_the_value_that_it_replaces(tmp_path: Path) -> None:
    mine = preset(tmp_path, "extends: answer-smoke\nsolver_num_responses: 3")
    with pytest.raises(InputError, match=r"^solver_num_responses 0 is out of range"):
        prepare_run(mine, ["solver_num_responses=0"], "runs")


def test_a_broken_preset_is_not_compiled_either(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"mine.yaml:2: parameter seed: 'x'"):
        compile_preset(preset(tmp_path, "extends: smoke\nseed: x"), "", str(tmp_path))
    assert list(tmp_path.glob("*-mine.yaml")) == []
