from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from components.import_model.config import ImportModelConfig
from components.import_model.step import run
from components.shared.errors import ExitCode, InputError
from components.shared.models import fetch_model
from components.shared.stores import storage
from components.shared.templates.family_differences import show_differences
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.components.refused import refused
from tests.hub_stand_in import COMMIT, TOKEN, serve_hub

REPOSITORY = "org/tiny"
CARD = b"---\ntags:\n- math\nlicense: cc-by-nc-4.0\n---\n# A model\n"


def import_from(source: str, workspace: Workspace, kind: str = "chat") -> str:
    return run(ImportModelConfig(workspace=workspace.uri, source=source, kind=kind), workspace)


def run_command(
    workspace: Workspace, endpoint: str, source: str, cache: Path, token: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run the step as a command: the hub's client reads its environment when it is imported."""
    command = [sys.executable, "-m", "components.import_model", "--workspace", workspace.uri, "--source", source]
    environment = {**os.environ, "HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_TOKEN": token}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_random_model_lands_in_the_workspace_and_is_reused(workspace: Workspace) -> None:
    folder = import_from("random:llama", workspace)
    manifest = read_manifest(folder)
    assert manifest.kind == "model"
    assert {name.split("/")[1] for name in manifest.files} >= {
        "model.safetensors", "config.json", "tokenizer.json", "chat_template.jinja"
    }  # fmt: skip
    assert import_from("random:llama", workspace) == folder
    assert read_manifest(folder).written_at == manifest.written_at
    assert fetch_model(folder).parent == Path(folder)


def test_random_model_is_the_same_in_any_workspace(workspace: Workspace, tmp_path: Path) -> None:
    other = Workspace(str(tmp_path / "other"))
    first, second = (read_manifest(import_from("random:llama", place)).files for place in (workspace, other))
    assert first == second


def test_directory_is_imported_without_what_lies_beside_the_model(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model, source)
    (source / "training_args.bin").write_bytes(b"pickle")
    (source / "checkpoint-1").mkdir()
    (source / "LICENSES").mkdir()
    files = read_manifest(import_from(str(source), workspace)).files
    assert sorted(name.split("/", 1)[1] for name in files) == sorted(path.name for path in tiny_model.iterdir())
    assert files[next(name for name in files if name.endswith("model.safetensors"))] == storage.digest_file(
        tiny_model / "model.safetensors"
    )


def test_what_the_card_says_of_the_licence_is_kept(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model, source)
    (source / "README.md").write_bytes(CARD)
    folder = import_from(str(source), workspace)
    (kept,) = (name for name in read_manifest(folder).files if name.endswith("/LICENSE.card"))
    assert storage.read_bytes(storage.join(folder, kept)) == b"license: cc-by-nc-4.0\n"
    assert not (source / "LICENSE.card").exists()
    shutil.copytree(fetch_model(folder), tmp_path / "again")
    (tmp_path / "again" / "README.md").write_bytes(CARD.replace(b"-nc", b""))
    import_from(str(tmp_path / "again"), workspace)
    assert (tmp_path / "again" / "LICENSE.card").read_bytes() == b"license: cc-by-nc-4.0\n"


def test_changed_directory_is_another_model(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model, source)
    first = import_from(str(source), workspace)
    (source / "generation_config.json").write_text("{}", encoding="utf-8")
    assert import_from(str(source), workspace) != first


def test_chat_model_without_a_chat_template_is_refused_and_nothing_written(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model, source, ignore=shutil.ignore_patterns("chat_template.jinja"))
    with refused("has no chat template", workspace):
        import_from(str(source), workspace)
    assert import_from(str(source), workspace, kind="base")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("random:gpt", "'random:gpt' is not a random model; expected random:llama"),
        ("package:no_such_package", "names the Python package 'no_such_package', which is not installed"),
        ("package:pytest@0.0.1", "asks for version 0.0.1, but "),
        ("package:pytest", "has to ship exactly one GGUF file; found: none"),
        ("hf://org/name", "expected hf://org/name@revision"),
        ("hf://datasets/org/name@main/a.parquet", "is not an address of a model on the hub"),
        ("ftp://host/model", "unknown scheme 'ftp'"),
        ("no/such/directory", "nothing exists there"),
    ],
)
def test_unusable_source_is_refused_and_nothing_written(workspace: Workspace, source: str, message: str) -> None:
    with refused(message, workspace):
        import_from(source, workspace)


@pytest.mark.slow
def test_hub_model_is_pinned_to_its_commit_and_asked_for_once(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    extra = {"pytorch_model.bin": b"pickle", "onnx/model.safetensors": b"other", "README.md": CARD}
    with serve_hub({REPOSITORY: files | extra}) as hub:
        first = run_command(workspace, hub.endpoint, f"hf://{REPOSITORY}@main", tmp_path / "cache")
        assert first.returncode == 0, first.stderr
        asked = [request for request in hub.requests if "/resolve/" in request]
        second = run_command(workspace, hub.endpoint, f"hf://{REPOSITORY}@{COMMIT}", tmp_path / "elsewhere")
        assert [request for request in hub.requests if "/resolve/" in request] == asked
    folder = first.stdout.strip()
    assert second.stdout.strip() == folder
    manifest = read_manifest(folder)
    assert manifest.inputs["source"][0].uri == f"hf://{REPOSITORY}@{COMMIT}"
    assert sorted(name.split("/", 1)[1] for name in manifest.files) == sorted([*files, "LICENSE.card"])


@pytest.mark.slow
def test_a_hub_repository_of_other_formats_says_which_it_has(
    workspace: Workspace, tiny_model: Path, tmp_path: Path
) -> None:
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    weights = files.pop("model.safetensors")
    pickled, own = files | {"pytorch_model.bin": b"pickle"}, files | {"consolidated.safetensors": weights}
    with serve_hub({"org/pickled": pickled, "org/own": own}) as hub:
        for repository, message in (("org/pickled", "has only pickled weights"), ("org/own", "Mistral's own format")):
            done = run_command(workspace, hub.endpoint, f"hf://{repository}@main", tmp_path / "cache")
            assert done.returncode == ExitCode.BAD_INPUT, done.stderr
            assert message in done.stderr
        assert not [each for each in hub.requests if each.startswith("GET") and "/resolve/" in each and "safe" in each]
    assert not Path(workspace.uri).exists()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("hf://org/other@main", "the hub has no such model"),
        (f"hf://{REPOSITORY}@v9", "the repository has no revision 'v9'"),
        ("hf://org/gated@main", "is gated; accept its terms on the hub, then set HF_TOKEN"),
    ],
)
def test_refusal_of_the_hub_is_one_message(workspace: Workspace, tmp_path: Path, source: str, message: str) -> None:
    repositories: dict[str, dict[str, bytes]] = {REPOSITORY: {}, "org/gated": {}}
    with serve_hub(repositories, gated=frozenset({"org/gated"})) as hub:
        done = run_command(workspace, hub.endpoint, source, tmp_path / "cache")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(workspace.uri).exists()


@pytest.mark.slow
def test_gated_model_is_imported_with_a_token(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    files = {path.name: path.read_bytes() for path in tiny_model.iterdir()}
    with serve_hub({"org/gated": files}, gated=frozenset({"org/gated"})) as hub:
        done = run_command(workspace, hub.endpoint, "hf://org/gated@main", tmp_path / "cache", token=TOKEN)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in json.dumps(storage.read_json(storage.join(done.stdout.strip(), "_plan.json")))


def test_hub_that_is_down_is_one_message(workspace: Workspace, tmp_path: Path) -> None:
    done = run_command(workspace, "http://127.0.0.1:9", f"hf://{REPOSITORY}@main", tmp_path / "cache")
    assert done.returncode == ExitCode.UNAVAILABLE, done.stderr
    assert "the hub cannot be reached" in done.stderr
    assert "HF_ENDPOINT" in done.stderr
    assert "Traceback" not in done.stderr
    assert not Path(workspace.uri).exists()


@pytest.mark.parametrize(
    ("status", "code", "revision"),
    [
        (503, ExitCode.UNAVAILABLE, "main"),
        (429, ExitCode.UNAVAILABLE, "main"),
        (403, ExitCode.BAD_INPUT, "main"),
        (403, ExitCode.BAD_INPUT, COMMIT),  # which the client takes for a file that is not in its cache
    ],
)
def test_only_an_answer_of_the_hub_that_may_pass_asks_for_another_attempt(
    workspace: Workspace, tmp_path: Path, status: int, code: int, revision: str
) -> None:
    with serve_hub({REPOSITORY: {}}, refusing=status) as hub:
        done = run_command(workspace, hub.endpoint, f"hf://{REPOSITORY}@{revision}", tmp_path / "cache")
    assert done.returncode == code, done.stderr
    assert str(status) in done.stderr
    assert "Traceback" not in done.stderr


def test_a_hub_that_is_not_to_be_asked_is_bad_input(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    done = run_command(workspace, "http://127.0.0.1:9", f"hf://{REPOSITORY}@{COMMIT}", tmp_path / "cache")
    assert done.returncode == ExitCode.BAD_INPUT, done.stderr
    assert "HF_HUB_OFFLINE is set" in done.stderr


def with_template(tiny_model: Path, folder: Path, source: str) -> str:
    """Copy the tiny model with another chat template of its own; return its address."""
    shutil.copytree(tiny_model, folder)
    (folder / "chat_template.jinja").write_text(source, encoding="utf-8")
    return str(folder)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{{ raise_exception('a system text first') }}", "without a system text .*a system text first"),
        ("{% for m in messages %}{{ m.content | upper }}<|im_end|>{% endfor %}", "changes messages|writes a message 0"),
        ("{% for m in messages %}", "cannot write a conversation of 1 turns"),
    ],
)
def test_a_chat_template_that_cannot_be_used_is_refused_and_nothing_written(
    workspace: Workspace, tiny_model: Path, tmp_path: Path, source: str, message: str
) -> None:
    address = with_template(tiny_model, tmp_path / "source", source)
    with refused(rf"--source {address}: --chat-template own: .*({message}).*--kind base", workspace):
        import_from(address, workspace)
    assert import_from(address, workspace, kind="base")


def test_a_family_stands_in_for_a_chat_template(workspace: Workspace, tiny_model: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model, source, ignore=shutil.ignore_patterns("chat_template.jinja"))
    config = ImportModelConfig(workspace=workspace.uri, source=str(source), chat_template="chatml")
    folder = run(config, workspace)
    assert import_from(str(source), workspace, kind="base") == folder  # how it will be asked changes no file of it
    with pytest.raises(InputError, match="--chat-template 'llama3' does not fit the model"):
        run(ImportModelConfig(workspace=f"{workspace.uri}-2", source=str(source), chat_template="llama3"),
            Workspace(f"{workspace.uri}-2"))  # fmt: skip


def test_a_family_that_writes_other_tokens_than_the_model_is_shown_when_it_is_imported(
    workspace: Workspace, tiny_model: Path, caplog: pytest.LogCaptureFixture
) -> None:
    show_differences.cache_clear()  # it is said once in a process, perhaps by another test
    run(ImportModelConfig(workspace=workspace.uri, source=str(tiny_model), chat_template="qwen2_math"), workspace)
    (shown,) = [record.message for record in caplog.records if record.name.endswith("templates.family_differences")]
    assert "--chat-template qwen2_math is not what the model in" in shown
    assert "a question's prefix, token" in shown
