"""Forms with one field wrong: one message each, which names the field; exit code 2, and nothing is begun."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import ExitCode
from components.shared.redaction import redacted
from tests.components.shared.engines.served import Answer, refusal, reply, serve
from tests.hub_stand_in import serve_hub
from tests.pipelines.run_checks.forms import check_form, form_of, in_json

GENERATOR = {"source": "a", "model": "random:llama", "chat_template": "own"}
SOLVER = {"source": "a", "model": "random:llama", "chat_template": "own", "learning_rate": 1e-5}
SEEDS = {"source": "reasoning-gym:gsm_symbolic", "question_column": "question", "answer_column": "answer"}
BENCHMARK = {"source": "benchmark:gsm8k", "question_column": "question", "answer_column": "answer"}


WRONG: list[tuple[str, dict[str, Any], str]] = [  # preset, fields, message
    ("smoke", {"engine": "gpt"}, "parameter engine: 'gpt' is not accepted; expected one of vllm, scripted"),
    ("smoke", {"generators": []}, "parameter generators: [] is not accepted; expected a list of at least one item"),
    ("smoke", {"generators": [{"source": "a"}]}, "generators: {'source': 'a'} has to be a mapping with the text"),
    ("smoke", {"generators": [GENERATOR, GENERATOR]}, "generators: the source a is there more than once; give each"),
    (
        "smoke",
        {"generators": [GENERATOR | {"model": "Qwen/Qwen2-Math-7B-Instruct"}]},
        "generators[0].model 'Qwen/Qwen2-Math-7B-Instruct': nothing exists there; check the address, or write "
        "hf://Qwen/Qwen2-Math-7B-Instruct@main for a model of the hub",
    ),
    (
        "smoke",
        {"generators": [GENERATOR | {"chat_template": "x"}]},
        "generators[0].chat_template 'x' is not accepted; expected one of own, alpaca, ",
    ),
    ("smoke", {"solver": ""}, "solver is empty; filter_solvability needs a value for model"),
    ("smoke", {"solver": "hf://org/name"}, "solver: 'hf://org/name' is not an address of a model on the hub"),
    ("smoke", {"solver": "random:mistral"}, "solver 'random:mistral' is not a random model; expected random:llama"),
    ("smoke", {"solver": "openai:good"}, "solver=openai:good is a model behind an endpoint; this pipeline takes none"),
    ("smoke", {"reward_model": "/nowhere/model"}, "reward_model '/nowhere/model': nothing exists there; check the"),
    ("smoke", {"rewriter": "openai:good"}, "rewriter=openai:good is a model behind an endpoint; add --set rewriter_"),
    (
        "smoke",
        {"rewriter_endpoint": "http://127.0.0.1:1/v1"},
        "with rewriter_endpoint: write a served model as openai:",
    ),
    ("smoke", {"difficulty_base": "package:nope"}, "difficulty_base 'package:nope' names the Python package 'nope'"),
    (
        "smoke",
        {"seed_questions": [SEEDS | {"source": "reasoning-gym:nope"}]},
        "seed_questions[0].source reasoning-gym: ",
    ),
    (
        "smoke",
        {"seed_questions": [SEEDS | {"source": "nowhere.jsonl"}]},
        "seed_questions[0].source 'nowhere.jsonl': not",
    ),
    (
        "smoke",
        {"seed_questions": [SEEDS | {"source": "{text}"}]},
        "seed_questions[0].source: '{text}' ends in .txt; ",
    ),
    (
        "smoke",
        {"seed_questions": [SEEDS | {"source": "{file}", "question_column": "q"}]},
        "{file}:1: no column 'q' (seed_questions[0].question_column); found: question, answer",
    ),
    ("smoke", {"seed_num_questions": 0}, "seed_num_questions 0: generators have no end; give the number of questions"),
    ("smoke", {"solver_num_responses": 0}, "solver_num_responses 0 is out of range; expected at least 1"),
    (
        "smoke",
        {"generator_num_questions": 1.5},
        "parameter generator_num_questions: 1.5 is not accepted; expected a wh",
    ),
    ("smoke", {"generator_num_questions": "many"}, "parameter generator_num_questions: 'many' is not accepted; expect"),
    ("smoke", {"pods": "0"}, "pods '0' is not accepted; expected a number from 1 to 256, or a range of them such as"),
    (
        "smoke",
        {"options": '{"score_responses": {"scorer_engine": "x"}}'},
        "score_responses.scorer_engine 'x' is not acc",
    ),
    ("smoke", {"options": "nonsense"}, "the parameter options is 'nonsense'; expected {"),
    ("smoke", {"options": '{"dedup": {"x": 1}}'}, "options: dedup: scalequest has no such step; did you mean 'dedup"),
    (
        "smoke",
        {"options": '{"deduplicate": {"similarity": 1}}'},
        "deduplicate has no option 'similarity'; did you mean",
    ),
    (
        "smoke",
        {"options": '{"deduplicate": {"min_similarity": "x"}}'},
        "deduplicate.min_similarity: --min-similarity 'x",
    ),
    ("smoke", {"options": '{"qft": {"epochs": -1}}'}, "qft.epochs -1 is out of range; expected at least "),
    ("smoke", {"workspace": ""}, "workspace is empty; import_questions needs a value for workspace"),
    ("smoke", {"workspace": "https://bucket/runs"}, "workspace: 'https://bucket/runs' has the unknown scheme 'https'"),
    (
        "smoke",
        {"workspace": "{file}"},
        "workspace {file}: {file} cannot be written; give a writable directory",
    ),
    ("smoke", {"gpu_work": "both"}, "parameter gpu_work: 'both' is not accepted; expected one of job, task"),
    ("smoke", {"profile": "{nonsense"}, "profile '{nonsense' is no JSON"),
    (
        "smoke",
        {"profile": in_json("gke-a100-80g"), "options": '{"generate_responses": {"tensor_parallel_size": 2}}'},
        "generate_responses: tensor_parallel_size 2 with inference_gpus 1: a pod has too few GPUs; let the profile's",
    ),
    (
        "paper",
        {"profile": in_json("gke-a100-80g", training_nodes=2)},
        "training_nodes 2 for 2 models, which are trained in parallel, needs 4 nodes at once; without a queue, each",
    ),
    (
        "smoke",
        {"profile": in_json("gke-a100-80g", parallel_trainings="yes")},
        "profile in JSON: parallel_trainings is 'yes'; expected true or false",
    ),
    (
        "smoke",
        {"profile": "gke-h100"},
        "profile: it names an entry of the ConfigMap scalequest-profiles, but no cluster",
    ),
    ("smoke", {"store_secret": "My_Secret"}, "store_secret 'My_Secret' is not a valid name of a Secret; expected"),
    ("smoke", {"solvers": [SOLVER | {"learning_rate": "fast"}]}, "has to be a mapping with the number 'learning_rate'"),
    (
        "smoke",
        {"solvers": [SOLVER], "benchmarks": [BENCHMARK | {"source": "benchmark:nope"}]},
        "benchmarks[0].source 'benchmark:nope': there is no benchmark 'nope'; expected one of ",
    ),
    (
        "solver-smoke",
        {"options": '{"evaluate": {"prompt_file": "prompt:none"}}'},
        "evaluate.prompt_file 'prompt:none': there is no prompt 'none'",
    ),
    (
        "solver-smoke",
        {"options": '{"evaluate": {"prompt_file": "nowhere.txt"}}'},
        "evaluate.prompt_file 'nowhere.txt': no such file; check the add",
    ),
    (
        "solver-smoke",
        {"options": '{"evaluate": {"prompt_file": "{file}"}}'},
        "evaluate.prompt_file '{file}': ",
    ),
    ("answer-smoke", {"questions": "nowhere.csv"}, "questions 'nowhere.csv': nothing exists there; check the address"),
    (
        "answer-smoke",
        {"questions": "{file}", "answer_column": "a"},
        "no column 'a' (answer_column); found: question, answ",
    ),
    ("answer-smoke", {"reward_model": ""}, "select_by=both needs rewards; add --set reward_model=MODEL, or choose by"),
    ("answer-smoke", {"select_by": "luck"}, "parameter select_by: 'luck' is not accepted; expected one of "),
]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with one question."""
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "What is 1 + 1?", "answer": "2"}\n')
    path.with_suffix(".txt").write_text("What is {question}?")
    return path


@pytest.mark.parametrize(("preset", "fields", "message"), WRONG, ids=[message[:40] for _, _, message in WRONG])
def test_one_wrong_field_is_one_message_that_names_it_and_nothing_is_begun(
    preset: str,
    fields: dict[str, Any],
    message: str,
    file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "no-kubeconfig"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    given, expected = json.dumps(fields), message
    for name, place in (("{file}", file), ("{text}", file.with_suffix(".txt"))):
        given, expected = given.replace(name, str(place)), expected.replace(name, str(place))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    checked = check_form(preset, json.loads(given), tmp_path, capsys)
    assert (checked.exit_code, checked.message.startswith("check_run: error: ")) == (ExitCode.BAD_INPUT, True)
    assert expected in checked.message
    assert {path for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("fields", "code", "message"),
    [
        (
            {"solver": "hf://org/missing@main"},
            2,
            "solver: hf://org/missing@main: the hub has no such model; check the na",
        ),
        (
            {"reward_model": "hf://org/gated@main"},
            2,
            "reward_model: hf://org/gated@main: the repository is gated; accept",
        ),
        ({"rewriter": "hf://org/plain@v9"}, 2, "rewriter: hf://org/plain@v9: the repository has no revision 'v9'"),
        ({"difficulty_solver": "hf://org/plain@main"}, 2, "difficulty_solver: hf://org/plain@"),
        (
            {"seed_questions": [SEEDS | {"source": "hf://datasets/org/data@main/b.jsonl"}]},
            2,
            "seed_questions[0].source: hf://datasets/org/data@",
        ),
    ],
)
def test_what_the_hub_says_of_a_model_or_a_data_set_is_one_message_that_names_the_field(
    fields: dict[str, Any], code: int, message: str, tmp_path: Path
) -> None:
    repositories: dict[str, dict[str, bytes]] = {
        "org/plain": {"config.json": b'{"architectures": ["X"]}', "pytorch_model.bin": b""},
        "org/gated": {"config.json": b"{}"},
        "datasets/org/data": {"a.jsonl": b""},
    }
    with serve_hub(repositories, gated=frozenset({"org/gated"})) as hub:
        done = check_with_hub(fields, hub.endpoint, tmp_path)
        assert not [request for request in hub.requests if "safetensors" in request]
    assert (done.returncode, message in done.stderr.splitlines()[-1]) == (code, True), done.stderr
    assert not (tmp_path / "runs").exists() or not [path for path in (tmp_path / "runs").rglob("*") if path.is_file()]


def test_a_hub_out_of_reach_is_said_as_such_and_may_be_tried_again(tmp_path: Path) -> None:
    done = check_with_hub({"solver": "hf://org/name@main"}, "http://127.0.0.1:1", tmp_path)
    assert done.returncode == ExitCode.UNAVAILABLE, done.stderr
    assert "solver: hf://org/name@main: the hub cannot be reached or is busy" in done.stderr.splitlines()[-1]


def check_with_hub(fields: dict[str, Any], endpoint: str, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Run the task as a command: the hub's client reads its environment when it is imported."""
    command = [sys.executable, "-m", "pipelines.run_checks", "--executor-input", form_of("smoke", fields, tmp_path)]
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "cache"), "HF_TOKEN": ""}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        (refusal(401, "no key"), "requires a key, but none is in the environment variable OPENAI_API_KEY"),
        (
            Answer(body={"data": [{"id": "other"}]}),
            "does not serve the model 'good' (it lists other); name one that it",
        ),
    ],
)
def test_an_endpoint_that_refuses_is_one_message_that_names_the_field_and_is_asked_no_prompt(
    models: Answer, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with serve(lambda *_: reply("2"), models) as served:
        fields = {"rewriter": "openai:good", "rewriter_endpoint": served.url}
        checked = check_form("smoke", fields, tmp_path, capsys)
        assert checked.exit_code == ExitCode.BAD_INPUT
        assert checked.message.startswith(f"check_run: error: rewriter_endpoint {served.url} ")
        assert message in checked.message
        assert served.requests == []


def test_in_a_pod_a_missing_key_is_named_by_its_secret(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
    monkeypatch.setattr("pipelines.run_checks.check_task.refuse_pod_disk", lambda *_, **__: None)
    with serve(lambda *_: reply("2"), refusal(401, "no key")) as served:
        fields = {"rewriter": "openai:good", "rewriter_endpoint": served.url, "rewriter_secret": "my-key"}
        checked = check_form("smoke", fields, tmp_path, capsys)
    assert "the variable comes from the key 'key' of the Secret my-key (parameter rewriter_secret)" in checked.message


def test_an_endpoint_that_lists_no_models_may_serve_the_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serve(lambda *_: reply("2")) as served:
        checked = check_form("smoke", {"rewriter": "openai:good", "rewriter_endpoint": served.url}, tmp_path, capsys)
    assert checked.exit_code == ExitCode.DONE, checked.message


def test_a_key_in_a_field_is_not_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-key-0123456789")
    fields = {"solver": "sk-very-secret-key-0123456789"}
    checked = check_form("smoke", fields, tmp_path, capsys)
    assert checked.exit_code == ExitCode.BAD_INPUT
    assert "very-secret" not in checked.message, redacted("")
