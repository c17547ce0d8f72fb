"""What people give wrong, and what the commands say of it: one message, exit code 2, and nothing is written.

The inputs of three people who used the commands for the first time, and others of the same kinds. What is wrong with a
preset's file: test_preset_files.py; with a form: run_checks/test_wrong_forms.py; with a run's models, keys and
endpoints, by run, submit and doctor: cluster/test_preset_checks.py; what Kubeflow or Kubernetes refuses: cluster/.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.filter_language import step as filter_language
from components.filter_language.config import FilterLanguageConfig
from components.shared.errors import ExitCode
from components.shared.workspace import Workspace
from pipelines.cli import app
from tests.conftest import WriteRows

RUN = ["run", "answer-smoke", "--workspace", "new"]
SERVED = ["--set", "judge=", "--set", "solver=openai:x", "--set"]
CLUSTER = ["--namespace", "n"]

WRONG: list[tuple[list[str], str]] = [
    # commands and options
    (["runn"], "No such command 'runn'. Did you mean 'run'?"),
    (["run", "smoke", "--sett", "x=1"], "No such option: --sett"),
    (["run"], "Missing argument 'preset'"),
    (["submit", "smoke", "--workspace", "gs://b/r"], "Missing option '--namespace'"),
    (["show", "ws", "--rows", "abc"], "Invalid value for '--rows'"),
    (["show", "ws", "--rows", "-1"], "Invalid value for '--rows'"),
    (["gc", "ws", "--older-than", "x"], "Invalid value for '--older-than'"),
    (["run", "smoke", "-q", "-v"], "-q and -v contradict each other; give one of them"),
    (["diff", "ws", "ws", "--markdown", "--json"], "--markdown and --json contradict each other; give one of them"),
    (["status", "id", *CLUSTER, "--watch", "--json"], "--json is one look; give it without --watch"),
    (["doctor"], "give --namespace, for a run on a cluster; or a preset, for a run on this machine"),
    (["doctor", *CLUSTER], "--workspace is missing; give gs://… or s3://…"),
    (["parameters", "--options"], "--set, --pipeline and --options need a preset; give one"),
    # presets and pipelines
    (["run", "papr"], "unknown preset 'papr'; did you mean 'paper'?"),
    (["run", "mien.yaml"], "unknown preset 'mien.yaml': there is no such file; did you mean 'mine.yaml'?"),
    (["run", "./mine.yaml"], "mine.yaml:2: unknown parameter 'sead'; did you mean 'seed'?"),
    (["submit", "./mine.yaml", *CLUSTER, "--workspace", "gs://b/r"], "mine.yaml:2: unknown parameter 'sead'"),
    (["compile", "--preset", "mine.yaml"], "mine.yaml:2: unknown parameter 'sead'"),
    (["doctor", "mine.yaml"], "mine.yaml:2: unknown parameter 'sead'"),
    (["parameters", "mine.yaml"], "mine.yaml:2: unknown parameter 'sead'"),
    (["compile", "--preset", "nope"], "unknown preset 'nope'; expected one of answer, answer-smoke, "),
    (["compile", "--preset", "smoke", "--output", "file"], "--output file: File exists; give a folder that can be"),
    (["run", "smoke", "--pipeline", "construct_dataste"], "unknown pipeline 'construct_dataste'; did you mean 'constr"),
    (["run", "laptop", "--pipeline", "construct_dataset"], "the preset has no value for trained_generators; add --set"),
    # parameters
    *(
        (
            [*command, "--set", "max_cost=5"],
            "max_cost 5 needs the price of a GPU-hour, which is not known here; give price",
        )
        for command in (RUN, ["plan", *RUN[1:]], ["plan", *RUN[1:], "--profile", "eks-p4d"], ["doctor", *RUN[1:2]])
    ),
    ([*RUN, "--set", "seed"], "--set 'seed' has no '='; expected name=value"),
    ([*RUN, "--set", "seeed=1"], "unknown parameter 'seeed'; did you mean 'seed'?"),
    ([*RUN, "--set", "xyz=1"], "unknown parameter 'xyz'; `scalequest parameters PRESET` lists all"),
    ([*RUN, "--set", "max_chars=5"], "it is an option of steps; set STEP.max_chars, with STEP one of import_questions"),
    ([*RUN, "--set", "deduplicate=1"], "it is a step; set deduplicate.OPTION, with OPTION one of min_similarity, rows"),
    (["plan", "nested.yaml"], "nested.yaml:2: deduplicate is a step; write a line deduplicate.OPTION: VALUE"),
    ([*RUN, "--set", "seed=x"], "parameter seed: 'x' is not accepted; expected a whole number"),
    ([*RUN, "--set", "seed=3.5"], "parameter seed: 3.5 is not accepted; expected a whole number"),
    ([*RUN, "--set", "seed="], "parameter seed has no value; expected a whole number"),
    ([*RUN, "--set", "seed=1e400"], "parameter seed: inf is not accepted; expected a whole number"),
    (
        [*RUN, "--set", "seed=99999999999999999999"],
        "expected a whole number, at most 9007199254740992",
    ),
    ([*RUN, "--set", "seed=-3"], "seed -3 is out of range; expected at least 0"),
    ([*RUN, "--set", "solver_num_responses=0"], "solver_num_responses 0 is out of range; expected at least 1"),
    ([*RUN, "--set", "workspace=x"], "--set workspace: give --workspace instead"),
    ([*RUN, "--set", "profile=x"], "--set profile: only a cluster makes Jobs; give --profile of `scalequest submit`"),
    ([*RUN, "--set", "options=x"], "--set options: give --set STEP.OPTION=VALUE instead, once for each option"),
    ([*RUN, "--set", "engine=vlm"], "parameter engine: 'vlm' is not accepted; expected one of vllm, scripted"),
    ([*RUN, "--set", "solver_chat_template=qwen"], "'qwen' is not accepted; expected one of own, alpaca, chatml, "),
    ([*RUN, "--set", "pods=x"], "pods 'x' is not accepted; expected a number from 1 to 256, or a range"),
    *(
        ([*command, "--set", "pods=2..4"], "pods '2..4' is a range, which only a Job takes; here, give a number")
        for command in (RUN, ["plan", *RUN[1:]], ["doctor", *RUN[1:2]])
    ),
    (
        [*RUN, "--set", f"hub_secret=hf_{'aB3' * 12}"],
        "hub_secret '[secret]' is not a valid name of a Secret; expected ",
    ),
    ([*RUN, "--set", "max_gpu_hours=.nan"], "parameter max_gpu_hours: nan is not accepted; expected a finite number"),
    ([*RUN, "--set", "hub_secret=A_b"], "hub_secret 'A_b' is not a valid name of a Secret; "),
    ([*RUN, "--set", "reward_model="], "select_by=both needs rewards; add --set reward_model=MODEL, or choose by agre"),
    ([*RUN, "--set", "import_question.x=1"], "import_question.x: unknown step 'import_question'; did you mean 'import"),
    ([*RUN, "--set", "import_questions.max_char=1"], "has no option 'max_char'; did you mean 'max_chars'?"),
    ([*RUN, "--set", "import_questions.max_chars=x"], "--max-chars 'x' is not accepted; expected a whole number"),
    ([*RUN, "--set", "import_questions.source=x"], "a run cannot set it"),
    (["run", "smoke", "--set", "generators=["], "--set generators: '[' is not a valid value: while parsing"),
    (["run", "smoke", "--set", "generators=[{source: a}]"], "generators: {'source': 'a'} has to be a mapping with the"),
    (["run", "smoke", "--set", "generators=&a [*a]"], "--set generators: '&a [*a]' is not a valid value"),
    # models and endpoints
    (
        [*RUN, "--set", "solver=org/model"],
        "solver 'org/model': nothing exists there; check the address, or write hf://",
    ),
    (
        [*RUN, "--set", "solver=good"],
        "solver 'good': nothing exists there; check the address, or write openai:good for",
    ),
    ([*RUN, "--set", "solver=randm:llama"], "nothing exists there; check the address, or write random:llama"),
    ([*RUN, "--set", "solver=random:foo"], "solver 'random:foo' is not a random model; expected random:llama"),
    (
        [*RUN, "--set", "solver=package:nope"],
        "solver 'package:nope' names the Python package 'nope', which is not inst",
    ),
    ([*RUN, "--set", "solver=hf://org/model"], "solver: 'hf://org/model' is not an address of a model on the hub; exp"),
    ([*RUN, "--set", "solver=ftp://h/x"], "'ftp://h/x' has the unknown scheme 'ftp'; expected "),
    (
        ["run", "smoke", "--set", "solver=openai:x"],
        "solver=openai:x is a model behind an endpoint; this pipeline takes n",
    ),
    (
        [*RUN, "--set", "solver=openai:x"],
        "solver=openai:x is a model behind an endpoint; add --set solver_endpoint=https",
    ),
    (
        [*RUN, *SERVED, "solver_endpoint=foo"],
        "solver_endpoint 'foo' cannot be used; expected the base URL of an OpenAI-",
    ),
    # files of questions
    ([*RUN, "--set", "questions=none.jsonl"], "questions 'none.jsonl': nothing exists there; check the address"),
    ([*RUN, "--set", "questions=other.jsonl"], "other.jsonl:1: no column 'question' (question_column); found: problem"),
    ([*RUN, "--set", "questions=broken.jsonl"], "broken.jsonl:2: "),
    ([*RUN, "--set", "questions=empty.jsonl"], "questions empty.jsonl has no rows"),
    ([*RUN, "--set", "questions=file.txt"], "'file.txt' ends in .txt; expected one of .jsonl, "),
    (
        [*RUN, "--set", "questions=https://h/a.jsonl"],
        "'https://h/a.jsonl' has the unknown scheme 'https'; expected gs:/",
    ),
    ([*RUN, "--set", "questions=/"], "'/' ends in nothing; expected one of .jsonl, "),
    ([*RUN, "--set", "questions=folder.jsonl"], "folder.jsonl is a folder; give a file, or a pattern such as folder"),
    ([*RUN, "--set", "questions=pipe.jsonl"], "pipe.jsonl is a pipe or a device; give a file with its content"),
    # workspaces and folders
    *(
        ([*command, workspace], message)
        for command in (["run", "smoke", "--workspace"], ["plan", "smoke", "--workspace"], ["show"], ["gc"])
        for workspace, message in (
            ("s3:/b/r", "'s3:/b/r' lacks // behind s3:; write s3://b/r"),
            ("gs:b/r", "'gs:b/r' lacks // behind gs:; write gs://b/r"),
            ("file:/b/r", "'file:/b/r' lacks // behind file:; write file:///b/r"),
            ("~/runs", "'~/runs' begins with ~, which the shell did not replace; write $HOME or the whole path"),
            (" new", "' new' begins or ends with white space; write 'new'"),
            ("", "empty"),
        )
    ),
    ([*RUN, "--set=solver=~/model"], "solver: '~/model' begins with ~, which the shell did not replace; write $HOME"),
    (["show", "loop"], "loop: Too many levels of symbolic links; check the path"),
    (["run", "smoke", "--workspace", "loop"], "symbolic links"),
    (["list", "a" * 300], "File name too long"),
    (["run", "smoke", "--workspace", "file"], "file cannot be written; give a writable directory"),
    (["run", "smoke", "--workspace", "file/below"], "file cannot be written; give a writable directory"),
    (
        ["run", "smoke", "--workspace", "/proc/x"],
        "workspace /proc/x: /proc cannot be written; give a writable director",
    ),
    (["plan", "smoke", "--workspace", "/proc/x"], "workspace /proc/x: /proc cannot be written; give a writable direct"),
    (["run", "smoke", "--workspace", "/sys/x"], "workspace /sys/x: /sys cannot be written; give a writable directory"),
    (
        ["run", "smoke", "--workspace", "az://b/x"],
        "'az://b/x' has the unknown scheme 'az'; expected gs://, s3:// or the",
    ),
    (
        ["submit", "smoke", *CLUSTER, "--workspace", "dir"],
        "--workspace 'dir' is a directory, which pods do not share; us",
    ),
    (["submit", "smoke", *CLUSTER, "--workspace", "gs://b/r", "--profile", "x"], "--profile 'x' is unknown; expected"),
    (["submit", "smoke", *CLUSTER, "--workspace", "gs://b/r"], "the pipeline names images by tag"),
    *[([command, "none"], "none: no folder of rows or model exists here") for command in ("show", "verify", "report")],
    (["show", "empty"], "empty: no folder of rows or model exists here"),
    (["gc", "none"], "none: nothing exists here; check the address"),
    (["gc", "ws", "--keep", "none"], "none: no folder of rows or model exists here"),
    (["list", "none"], "none: no run and no folder of a step is here; expected a workspace, check the address"),
    (["logs", "none"], "none: no run is kept here; expected a workspace in which `scalequest run` was at work"),
    (
        ["logs", "ws/_runs/x"],
        "ws/_runs/x: no run is kept here (run.json is missing); `scalequest list WORKSPACE` names",
    ),
    (["diff", "{folder}", "none"], "none: no folder of rows or model exists here"),
    (
        ["verify", "ws"],
        "ws is a workspace without a finished dataset; give one of the folders there: ws/filter_language/",
    ),
    (["show", "ws/filter_language"], "holds the folders of one step; give one of the folders there: ws/filter_languag"),
    (["show", "{folder}/rejected/non_englich"], "no row was rejected as 'non_englich' there; expected one of "),
    (["show", "{folder}", "--verdict", "wrong"], "holds question rows; expected a folder of evaluate"),
    (["audit", "none"], "none: no folder of rows or model exists here"),
    (["audit", "{folder}"], "{folder}"),
    (["push", "none", "a/b"], "none: no folder of rows or model exists here"),
    (["push", "{folder}", "a/b"], "{folder}"),
    # other commands
    (["ask", "nothing"], "'nothing' is neither a directory nor a published model"),
    (["ask", "openai:x"], "openai:x cannot write questions: an endpoint gets a message, and no bare user prefix"),
    (["ask", "openai:x", "--question", "1?"], "--endpoint"),
    (["new", "filtr", "x"], "unknown kind 'filtr'; expected one of filter, step, engine"),
    (["new", "filter", "X"], "'X' cannot be the name of a filter; expected lower-case words joined by _"),
    (["scale", "id", "filter", "2", *CLUSTER], "unknown step 'filter'; "),
    (["status", "id", *CLUSTER], "no Kubernetes cluster is configured"),
    (["status", "id", *CLUSTER, "--host", "http://h:port"], "--host 'http://h:port' is no address; expected https://"),
    (["plan", "mine.yaml"], "mine.yaml:2: unknown parameter 'sead'"),
    (["plan", "answer-smoke", "--profile", "x"], "--profile 'x' is unknown; expected one of eks-p4d, "),
    (
        ["plan", "answer-smoke", "--set", "solver=good"],
        "solver 'good': nothing exists there; check the address, or write",
    ),
    (["status", "id", *CLUSTER, "--host", "localhost:1"], "--host 'localhost:1' has no scheme; write http://localhost"),
]

VARIABLES = [
    (
        "SCALEQUEST_LOG_FORMAT",
        "jsn",
        ["list", "ws"],
        "SCALEQUEST_LOG_FORMAT is 'jsn'; expected one of text, json, or no",
    ),
    ("SCALEQUEST_WEBHOOK_URL", "foo", RUN, "SCALEQUEST_WEBHOOK_URL is not the URL of a web server; expected https://"),
    ("SCALEQUEST_STORE_TIMEOUT_SECONDS", "x", RUN, "SCALEQUEST_STORE_TIMEOUT_SECONDS is 'x'; expected a number of sec"),
    ("SCALEQUEST_ENDPOINT_TIMEOUT_SECONDS", "-1", [*RUN, *SERVED, "solver_endpoint=http://127.0.0.1:1/v1"], "is '-1'"),
    ("OPENAI_API_KEY", "a b", [*RUN, *SERVED, "solver_endpoint=http://127.0.0.1:1/v1"], "holds a space, a line break"),
    ("HF_TOKEN", "a b", [*RUN, "--set", "solver=hf://org/name@main"], "holds a space, a line break or a character"),
    ("KF_PIPELINES_SA_TOKEN_PATH", "/none", ["status", "id", *CLUSTER, "--host", "http://h"], "which cannot be read"),
    ("KUBECONFIG", "/none", ["stop", "id", *CLUSTER], "no Kubernetes cluster is configured"),
    ("KUBECONFIG", "file.txt", ["status", "id", *CLUSTER], "file.txt cannot be read as kubectl's configuration"),
    (
        "KUBECONFIG",
        "broken.jsonl",
        ["status", "id", *CLUSTER],
        "broken.jsonl cannot be read as kubectl's configuration",
    ),
    ("KUBECONFIG", "empty", ["status", "id", *CLUSTER], "no Kubernetes cluster is configured"),
]


@pytest.fixture
def place(tmp_path: Path, workspace: Workspace, write_questions: WriteRows, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what people have: files of questions, a preset, a workspace with a finished folder."""
    monkeypatch.chdir(tmp_path)
    for name in (
        "SCALEQUEST_LOG_FORMAT",
        "SCALEQUEST_WEBHOOK_URL",
        "OPENAI_API_KEY",
        "HF_TOKEN",
        "KUBERNETES_SERVICE_HOST",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    for name, text in {
        "file": "",
        "file.txt": "What is 1 + 1?",
        "mine.yaml": "extends: smoke\nsead: 1\n",
        "nested.yaml": "extends: smoke\ndeduplicate:\n  min_similarity: 0.9\n",
        "empty.jsonl": "",
        "other.jsonl": '{"problem": "What is 1 + 1?", "answer": "2"}\n',
        "broken.jsonl": '{"question": "What is 1 + 1?", "answer": "2"}\n{"question": \n',
    }.items():
        Path(name).write_text(text, encoding="utf-8")
    Path("empty").mkdir()
    Path("folder.jsonl").mkdir()
    os.mkfifo("pipe.jsonl")
    Path("loop").symlink_to("loop")
    own = Workspace("ws")
    config = FilterLanguageConfig(
        workspace="ws", questions=write_questions(own, ["What is 1 + 1?", "Wie geht es dir?"])
    )
    filter_language.run(config, own)
    return tmp_path


def files_in(place: Path) -> set[Path]:
    return {path for path in place.rglob("*") if path.is_file()}


def check_refused(arguments: list[str], message: str, place: Path) -> None:
    (folder,) = Path("ws/filter_language").iterdir()
    before = files_in(place)
    result = CliRunner().invoke(app, [each.replace("{folder}", str(folder)) for each in arguments])
    assert result.exit_code == ExitCode.BAD_INPUT, (result.output, result.exception)
    assert message.replace("{folder}", str(folder)) in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert files_in(place) == before, "something was written"


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=[" ".join(arguments) for arguments, _ in WRONG])
def test_a_wrong_input_is_one_message_and_nothing_is_written(arguments: list[str], message: str, place: Path) -> None:
    check_refused(arguments, message, place)


@pytest.mark.parametrize(
    ("variable", "value", "arguments", "message"), VARIABLES, ids=[f"{each[0]}={each[1]}" for each in VARIABLES]
)
def test_a_wrong_variable_is_named_and_nothing_is_written(
    variable: str, value: str, arguments: list[str], message: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    check_refused(arguments, message, place)
