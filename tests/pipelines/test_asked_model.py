import json
import string
from pathlib import Path
from typing import Any

import pytest

from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run as generate_questions
from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run as generate_responses
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.addresses import parse_address
from components.shared.errors import InputError
from components.shared.templates.families import CHAT_TEMPLATES
from components.shared.workspace import Workspace
from pipelines.asked_model import AskedModel, find_model, published_models
from tests.components.shared.engines.served import Answer, reply, serve
from tests.conftest import WriteRows


def write(workspace: Workspace, generator: str) -> str:
    """Let a scripted generator write questions; return their folder."""
    config = GenerateQuestionsConfig(
        workspace=workspace.uri,
        model=f"scripted:{generator}",
        generator=generator,
        num_questions=4,
        engine="scripted",
        chat_template="chatml",
    )
    return generate_questions(config, workspace)


def publish(workspace: Workspace, questions: list[str], **options: Any) -> None:
    """Have questions answered, and make a dataset of the answers."""
    config = GenerateResponsesConfig(workspace=workspace.uri, questions=json.dumps(questions), num_samples=1, **options)
    responses = generate_responses(config, workspace)
    package_dataset(PackageDatasetConfig(workspace=workspace.uri, responses=responses), workspace)


def make_dataset(workspace: Workspace, *generators: str) -> None:
    """Make a dataset of questions by models that are called as their generators are."""
    questions = [write(workspace, name) for name in generators]
    publish(workspace, questions, model="scripted:solver", engine="scripted", chat_template="llama3")


def write_model(workspace: Workspace, step: str, **options: str) -> str:
    """Write what says that a step has made a model."""
    folder = Path(workspace.uri, step, "0" * 16)
    folder.mkdir(parents=True)
    content = {
        "format": 1, "step": step, "version": 1, "fingerprint": "0" * 16, "kind": "model", "options": options,
        "inputs": {}, "prompts": {}, "rows_in": 0, "rows_out": 0, "rejected": {}, "parts": [],
        "files": {"model-0/config.json": "0"}, "metrics": {}, "image": "", "versions": {}, "written_at": "now",
    }  # fmt: skip
    Path(folder, "_manifest.json").write_text(json.dumps(content))
    return str(folder)


def test_each_published_model_has_an_address_a_chat_family_and_what_it_writes() -> None:
    entries = published_models()
    assert sorted(entry["writes"] for entry in entries.values()) == ["answers"] * 4 + ["questions"] * 2
    for name, entry in entries.items():
        model = find_model(name, answers=entry["writes"] == "answers")
        assert parse_address(model.uri, "model").repo.startswith("dyyyyyyyy/"), name
        assert model.chat_template in {*CHAT_TEMPLATES} - {"own"}, name
        fields = [field for _, field, _, _ in string.Formatter().parse(model.prompt) if field is not None]
        assert fields == ["question"] * (entry["writes"] == "answers"), name


def test_a_published_model_does_what_it_was_trained_for() -> None:
    with pytest.raises(InputError, match="qgen writes questions; leave --question out"):
        find_model("scalequest-qwen2-math-qgen", answers=True)
    with pytest.raises(InputError, match="solver writes answers; give it a question with --question"):
        find_model("scalequest-llama3-solver", answers=False)


def test_a_workspace_stands_for_the_models_of_its_dataset(workspace: Workspace) -> None:
    make_dataset(workspace, "first")
    written, answered = (find_model(workspace.uri, answers=answers) for answers in (False, True))
    assert (written.uri, written.engine, written.chat_template) == ("scripted:first", "scripted", "chatml")
    assert (answered.uri, answered.engine, answered.chat_template) == ("scripted:solver", "scripted", "llama3")
    (dataset,) = Path(workspace.uri, "package_dataset").iterdir()
    assert find_model(str(dataset), answers=True) == answered
    assert answered.options == {"temperature": 0.7, "top_p": 0.95, "max_tokens": 2048, "max_model_len": 0}


def test_of_several_generators_one_has_to_be_named(workspace: Workspace) -> None:
    make_dataset(workspace, "first", "second")
    with pytest.raises(InputError, match=r"2 models wrote .* give one of them: scripted:first \(first\), scripted:sec"):
        find_model(workspace.uri, answers=False)
    assert find_model(workspace.uri, answers=True).uri == "scripted:solver"


def test_rows_that_no_model_has_answered_have_no_solver(workspace: Workspace) -> None:
    questions = write(workspace, "first")
    assert find_model(questions, answers=False).uri == "scripted:first"
    with pytest.raises(InputError, match=f"no model answered the questions of {questions}; give a model: a folder"):
        find_model(questions, answers=True)


def test_a_workspace_without_a_dataset_lists_its_models(workspace: Workspace, write_questions: WriteRows) -> None:
    with pytest.raises(InputError, match="neither a directory nor a published model"):
        find_model("workspace", answers=False)
    folder = write_model(workspace, "train_dpo", chat_template="chatml")
    Path(workspace.uri, "train_dpo", "1" * 16).mkdir()  # begun
    with pytest.raises(InputError, match=f"has no finished dataset; give a model of the workspace: {folder}$"):
        find_model(workspace.uri, answers=False)


def test_a_trained_model_is_asked_as_it_was_trained_and_an_imported_one_by_its_own_template(
    workspace: Workspace,
) -> None:
    trained = write_model(workspace, "train_dpo", chat_template="deepseek_math")
    imported = write_model(workspace, "import_model")
    assert find_model(trained, answers=False) == AskedModel(uri=trained, chat_template="deepseek_math")
    assert find_model(imported, answers=False) == AskedModel(uri=imported, chat_template="own")


@pytest.mark.parametrize(
    ("name", "engine"), [("openai:some-model", "openai"), ("hf://org/name@main", "vllm"), ("random:llama", "vllm")]
)
def test_an_address_is_taken_as_it_is(name: str, engine: str) -> None:
    assert find_model(name, answers=True) == AskedModel(uri=name, engine=engine)


def test_a_workspace_stands_for_a_served_solver_with_its_endpoint_and_examples(workspace: Workspace) -> None:
    with serve(
        lambda body, _: reply(*["It is \\boxed{4}."] * body["n"]), Answer(body={"data": [{"id": "m"}]})
    ) as served:
        served_by = {"engine": "openai", "endpoint": served.url}
        publish(workspace, [write(workspace, "first")], model="openai:m", num_examples=2, **served_by)
    found = find_model(workspace.uri, answers=True)
    assert (found.uri, found.engine, found.endpoint) == ("openai:m", "openai", served.url)
    assert found.num_examples == 2


def test_a_typing_error_in_a_published_models_name_is_told() -> None:
    with pytest.raises(InputError, match="did you mean 'scalequest-qwen2-math-qgen'"):
        find_model("scalequest-qwen2-qgen", answers=False)
