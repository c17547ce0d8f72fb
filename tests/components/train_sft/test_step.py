"""train_sft on a tiny random model: rejects, reuse, figures, messages."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from components.shared.errors import InputError
from components.shared.models import fetch_model
from components.shared.records import Example, Question, Response
from components.shared.templates import load_chat_template
from components.shared.templates.families import OWN
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.planning import make_plan
from components.train_sft.config import TrainSftConfig
from components.train_sft.step import run
from tests.components.refused import refused
from tests.conftest import WriteRows

TEXTS = [f"What is {number} plus {number * number}?" for number in range(16)]


def make_config(workspace: Workspace, model: Path, examples: str, **options: Any) -> TrainSftConfig:
    settings: dict[str, Any] = {
        "max_tokens": 64, "batch_size": 4, "micro_batch_size": 2, "learning_rate": 3e-3, "checkpoint_steps": 2,
        "num_processes": 1, "gradient_checkpointing": False, "warmup_fraction": 0.0,
    }  # fmt: skip
    return TrainSftConfig(workspace=workspace.uri, model=str(model), examples=examples, **settings | options)


def an_example(number: int) -> Example:
    return Example(
        id=f"q{number}-0", question=TEXTS[number], response=f"It is \\boxed{{{number}}}.", final_answer=str(number),
        answer="", source="given", difficulty=None, reward=None, num_agreeing=None, num_candidates=None, num_tokens=5,
    )  # fmt: skip


def test_trains_rejects_and_reports(workspace: Workspace, tiny_model: Path, write_questions: WriteRows) -> None:
    examples = write_questions(workspace, [*TEXTS, "long " * 20, "a token <|im_end|> inside"])
    folder = run(make_config(workspace, tiny_model, examples, epochs=3), workspace)
    manifest = read_manifest(folder)
    assert manifest.rejected == {"too_long": 1}
    assert (manifest.rows_in, manifest.rows_out) == (18, 17)
    assert manifest.metrics["loss_last"] < manifest.metrics["loss_first"] - 0.3
    assert (manifest.metrics["steps"], manifest.metrics["epochs"], manifest.metrics["examples"]) == (13, 3, 17)
    assert manifest.metrics["tokens_per_second"] > 0
    assert manifest.arithmetic.startswith(("bf16 (", "fp32 ("))
    assert not Path(folder, "checkpoints").exists()


def test_model_is_loadable_and_stops_at_the_end_of_a_question(
    workspace: Workspace, tiny_model: Path, write_questions: WriteRows
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    folder = run(make_config(workspace, tiny_model, write_questions(workspace, TEXTS[:4])), workspace)
    model_folder = fetch_model(folder)
    model = AutoModelForCausalLM.from_pretrained(model_folder)
    tokenizer = AutoTokenizer.from_pretrained(model_folder)
    assert model.dtype == torch.bfloat16
    assert tokenizer.convert_tokens_to_ids("<|im_end|>") in model.generation_config.eos_token_id
    assert (model_folder / "tokenizer.json").read_bytes() == (tiny_model / "tokenizer.json").read_bytes()
    assert not list(model_folder.glob("*.bin"))


def test_a_solver_is_asked_by_what_lies_in_its_folder_and_stops_there(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows
) -> None:
    dataset = write_rows(workspace, [an_example(number) for number in range(4)])
    options = {"objective": "response", "chat_template": "alpaca", "max_tokens": 400}
    folder = run(make_config(workspace, tiny_model, dataset, **options), workspace)
    solver = fetch_model(folder)
    own, family = (load_chat_template(name, solver) for name in (OWN, "alpaca"))
    assert str(own.prompt("Why?")) == str(family.prompt("Why?"))
    assert own.response_end == family.response_end == "<|im_end|>"
    files = ("tokenizer_config.json", "config.json", "generation_config.json")
    tokenizer, model, generation = (json.loads((solver / name).read_text()) for name in files)
    assert tokenizer["eos_token"] == own.response_end
    assert model["eos_token_id"] in generation["eos_token_id"]


def test_finished_work_needs_no_torch(workspace: Workspace, tiny_model: Path, write_questions: WriteRows) -> None:
    config = make_config(workspace, tiny_model, write_questions(workspace, TEXTS[:4]))
    folder = run(config, workspace)
    code = (
        "import json, sys\nfrom components.shared.workspace import Workspace\n"
        "from components.train_sft.config import TrainSftConfig\nfrom components.train_sft.step import run\n"
        "config = TrainSftConfig(**json.loads(sys.argv[1]))\n"
        "print(run(config, Workspace(config.workspace)))\n"
        "assert not {'torch', 'transformers', 'trl'} & set(sys.modules)\n"
    )
    options = json.dumps(dataclasses.asdict(config))
    result = subprocess.run([sys.executable, "-c", code, options], capture_output=True, text=True, check=False)
    assert result.stdout.strip() == folder, result.stderr


def test_hardware_does_not_change_the_address(
    workspace: Workspace, tiny_model: Path, write_questions: WriteRows
) -> None:
    examples = write_questions(workspace, TEXTS[:4])
    folder = run(make_config(workspace, tiny_model, examples), workspace)
    other = make_config(workspace, tiny_model, examples, num_processes=2, parallelism="zero3", micro_batch_size=1)
    assert run(other, workspace) == folder


def test_the_prompt_and_the_chat_family_are_part_of_the_address(
    workspace: Workspace, tiny_model: Path, write_questions: WriteRows
) -> None:
    examples = write_questions(workspace, TEXTS[:4])
    question, response = (
        make_plan(make_config(workspace, tiny_model, examples, objective=objective, chat_template="chatml")).prompts
        for objective in ("question", "response")
    )
    assert list(question) == ["chatml.yaml"]
    assert list(response) == ["solve_prompt.txt", "chatml.yaml"]


@pytest.mark.slow
def test_micro_batches_do_not_change_the_training(tmp_path: Path, tiny_model: Path, write_questions: WriteRows) -> None:
    losses = []
    for size in (1, 4):
        workspace = Workspace(str(tmp_path / str(size)))
        config = make_config(workspace, tiny_model, write_questions(workspace, TEXTS), micro_batch_size=size)
        losses.append(read_manifest(run(config, workspace)).metrics["loss_mean"])
    assert losses[0] == pytest.approx(losses[1], rel=0.01)  # bf16 rounds differently for other shapes


@pytest.mark.model
def test_two_processes_train_what_one_trains(tmp_path: Path, tiny_model: Path, write_questions: WriteRows) -> None:
    """Of five rows in fours, the last step has one: the other process has none, and no row is learnt from twice."""
    metrics = []
    for num_processes in (1, 2):
        workspace = Workspace(str(tmp_path / str(num_processes)))
        examples = write_questions(workspace, [text * (1 + number) for number, text in enumerate(TEXTS[:5])])
        config = make_config(workspace, tiny_model, examples, max_tokens=256, num_processes=num_processes)
        metrics.append(read_manifest(run(config, workspace)).metrics)
    one, two = metrics
    assert (one["steps"], one["tokens"]) == (two["steps"], two["tokens"])
    for key in ("loss_first", "loss_last"):
        assert two[key] == pytest.approx(one[key], rel=2e-3)


@pytest.mark.model
def test_two_processes_with_zero3_train(workspace: Workspace, tiny_model: Path, write_questions: WriteRows) -> None:
    from safetensors import safe_open

    examples = write_questions(workspace, TEXTS)
    config = make_config(workspace, tiny_model, examples, num_processes=2, parallelism="zero3", epochs=2)
    folder = run(config, workspace)
    metrics = read_manifest(folder).metrics
    assert metrics["steps"] == 8
    assert metrics["loss_last"] < metrics["loss_first"]
    model_folder = fetch_model(folder)
    assert json.loads((model_folder / "config.json").read_text())["dtype"] == "bfloat16"
    with safe_open(model_folder / "model.safetensors", framework="pt") as weights:
        assert {str(weights.get_slice(name).get_dtype()) for name in weights.keys()} == {"BF16"}  # noqa: SIM118


def test_objective_with_rows_of_another_kind_is_refused(
    workspace: Workspace, tiny_model: Path, write_rows: WriteRows, write_questions: WriteRows
) -> None:
    response = Response(
        id="q0-0", question_id="q0", question="1+1?", answer="2", source="s", difficulty=None, sample=0,
        response="2", final_answer="2", finish_reason="stop", num_tokens=1,
    )  # fmt: skip
    with pytest.raises(InputError, match=r"--objective question .* holds response rows"):
        run(make_config(workspace, tiny_model, write_rows(workspace, [response])), workspace)
    examples = write_questions(workspace, TEXTS)
    with refused(r"--objective response .* holds question rows", workspace):
        run(make_config(workspace, tiny_model, examples, objective="response"), workspace)


def test_folder_without_usable_row_is_refused(
    workspace: Workspace, tiny_model: Path, write_questions: WriteRows
) -> None:
    examples = write_questions(workspace, TEXTS[:2])
    with refused(r"all 2 rows .* rejected: {'too_long': 2}; --max-tokens is 8", workspace):
        run(make_config(workspace, tiny_model, examples, max_tokens=8), workspace)


def test_empty_folder_is_refused(workspace: Workspace, tiny_model: Path) -> None:
    from tests.conftest import GivenRowsConfig

    empty = workspace.open(GivenRowsConfig(workspace=workspace.uri, content="empty")).begin_rows(Question, []).finish()
    with pytest.raises(InputError, match="has no rows, and train_sft needs at least one"):
        run(make_config(workspace, tiny_model, empty), workspace)


def test_model_folders_that_cannot_be_used_are_refused(
    tmp_path: Path, workspace: Workspace, tiny_model: Path, write_questions: WriteRows
) -> None:
    examples = write_questions(workspace, TEXTS[:2])
    for file_name, message in (("config.json", "has no weights"), ("pytorch_model.bin", "pickled weights")):
        (tmp_path / "model").mkdir(exist_ok=True)
        (tmp_path / "model" / file_name).write_text("{}")
        with pytest.raises(InputError, match=message):
            run(make_config(workspace, tmp_path / "model", examples), workspace)
    with refused("--chat-template 'llama3' does not fit the model", workspace):
        run(make_config(workspace, tiny_model, examples, chat_template="llama3"), workspace)


def test_unknown_chat_family_is_refused(workspace: Workspace, tiny_model: Path) -> None:
    with pytest.raises(InputError, match="--chat-template 'llama9' is not accepted; expected one of own, alpaca, "):
        make_config(workspace, tiny_model, "folder", chat_template="llama9")
