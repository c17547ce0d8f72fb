"""What could not work is refused before the first step: by `run`, `submit` and `doctor PRESET`, by the same code."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from huggingface_hub import constants

from components.import_model.random_model import save_random_model
from components.shared.errors import ExitCode
from pipelines.cluster.doctor_command import examine
from pipelines.cluster.findings import PlannedRun
from pipelines.cluster.options import Cluster
from pipelines.cluster.submission import Submission
from pipelines.cluster.submit_command import submit
from pipelines.run_checks.step_checks import is_inside
from pipelines.run_command import Asked, run_preset
from tests.components.shared.engines.served import Answer, refusal, reply, serve
from tests.hub_stand_in import serve_hub, use_hub
from tests.pipelines.cluster.conftest import NAMESPACE, Server
from tests.stores import Store

PRESET = "answer-smoke"
NON_COMMERCIAL = b"---\nlicense: cc-by-nc-4.0\n---\n# A model\n"
REQUIRES = "requires a key, but none is in the environment variable OPENAI_API_KEY"
SERVED = ["judge=openai:good", "solver=openai:good"]

Fault = tuple[list[str], str]  # settings, and what is said of them


@contextmanager
def wrong_reward_model() -> Iterator[Fault]:
    yield (
        ["reward_model=org/reward"],
        "'org/reward': nothing exists there; check the address, or write hf://org/reward@",
    )


@contextmanager
def missing_key() -> Iterator[Fault]:
    with serve(lambda *_: reply("2"), refusal(401, "no key")) as served:
        yield [*SERVED, f"solver_endpoint={served.url}"], f"solver_endpoint {served.url} {REQUIRES}"


@contextmanager
def gated_model() -> Iterator[Fault]:
    served = serve_hub({"org/gated": {"config.json": b"{}"}}, gated=frozenset({"org/gated"}))
    with served as hub, pytest.MonkeyPatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", hub.endpoint)
        patch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield ["solver=hf://org/gated@main"], "solver: hf://org/gated@main: the repository is gated; accept its"


@contextmanager
def refusing_endpoint() -> Iterator[Fault]:
    with serve(lambda *_: reply("2"), Answer(body={"data": [{"id": "other"}]})) as served:
        yield [*SERVED, f"solver_endpoint={served.url}"], "does not serve the model 'good' (it lists other); name one"


@contextmanager
def forbidding_licence() -> Iterator[Fault]:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        save_random_model(Path(folder), 0)
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()} | {"README.md": NON_COMMERCIAL}
        with serve_hub({"org/model": files}) as hub:
            use_hub(patch, hub, f"{folder}/cache")
            yield (
                ["package_dataset.license=mit", "solver=hf://org/model@main"],
                "solver hf://org/model@main has a licence without commercial use: ",
            )
            assert not [asked for asked in hub.requests if "safetensors" in asked], "weights are not fetched"


FAULTS: dict[str, Callable[[], AbstractContextManager[Fault]]] = {
    each.__name__: each
    for each in (wrong_reward_model, missing_key, gated_model, refusing_endpoint, forbidding_licence)
}


@pytest.fixture(autouse=True)
def nobodys_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the keys that this machine may have."""
    for name in ("OPENAI_API_KEY", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "no-token"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Iterator[Fault]:
    """One thing that is wrong."""
    with FAULTS[request.param]() as made:
        yield made


@pytest.fixture
def namespace(kubeflow: Server, cluster: Server) -> Server:
    """A cluster where everything is as a run needs it, but the keys of endpoints and of the hub."""
    assert kubeflow is cluster
    refuse_secrets(cluster, 404, "NotFound")
    return cluster


def refuse_secrets(server: Server, status: int, reason: str) -> None:
    for secret in ("huggingface-token", "rewriter-key"):
        answer = {"kind": "Status", "message": f'secrets "{secret}"', "reason": reason, "code": status}
        server.on(f"GET /api/v1/namespaces/{NAMESPACE}/secrets/{secret}", answer, status=status)


def submitted(server: Server, settings: Sequence[str]) -> int:
    cluster = Cluster(host=server.url, namespace=NAMESPACE, profile="local", allow_tags=True)
    submission = Submission(preset=PRESET, settings=settings, workspace="gs://bucket/runs", cluster=cluster)
    return submit(submission, follow=False)


def test_run_refuses_it_and_writes_nothing(fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, message = fault
    assert run_preset(Asked(preset=PRESET, settings=settings, workspace="runs")) == ExitCode.BAD_INPUT
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert message in told.err
    assert settings[-1].partition("=")[0] in told.err, "the parameter is named"
    assert not (tmp_path / "runs").exists()


def test_doctor_refuses_it_for_this_machine(fault: Fault, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings, message = fault
    run = PlannedRun(
        workspace="runs", cluster=Cluster(namespace=""), store_secret="s", preset=PRESET, settings=settings
    )
    assert examine(run, deep=False) == ExitCode.BAD_INPUT
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("no ")]
    assert message in line
    assert not (tmp_path / "runs").exists()


def test_submit_refuses_it_and_starts_no_run(
    fault: Fault, namespace: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, message = fault
    assert submitted(namespace, settings) == ExitCode.BAD_INPUT
    told = capsys.readouterr()
    assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert message in told.err
    assert [request for request, _ in namespace.asked if request.startswith("POST")] == []


def test_doctor_refuses_it_for_a_cluster(
    fault: Fault, namespace: Server, s3_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, message = fault
    run = PlannedRun(
        workspace=s3_store.uri,
        cluster=Cluster(host=namespace.url, namespace=NAMESPACE, profile="local", allow_tags=True),
        store_secret="scalequest-store",
        preset=PRESET,
        settings=settings,
    )
    assert examine(run, deep=False) == ExitCode.BAD_INPUT
    assert [line for line in capsys.readouterr().out.splitlines() if line.startswith("no ") and message in line]


@pytest.mark.parametrize("fault", ["missing_key", "gated_model"], indirect=True)
def test_what_only_keys_that_may_not_be_seen_would_tell_is_left_to_the_first_task(
    fault: Fault, namespace: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    refuse_secrets(namespace, 403, "Forbidden")
    assert submitted(namespace, fault[0]) == ExitCode.DONE, capsys.readouterr().err


def test_the_key_of_the_namespace_is_used_and_never_shown(
    namespace: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "mine")
    data = {"key": base64.b64encode(b"key-of-the-namespace").decode()}
    secret = {"metadata": {"name": "rewriter-key"}, "data": data}
    namespace.on(f"GET /api/v1/namespaces/{NAMESPACE}/secrets/rewriter-key", secret)
    with serve(lambda *_: reply("2"), refusal(401, "bad key key-of-the-namespace")) as served:
        assert submitted(namespace, [*SERVED, f"solver_endpoint={served.url}"]) == ExitCode.BAD_INPUT
    told = capsys.readouterr().err
    assert "refuses the key in the environment variable OPENAI_API_KEY" in told
    assert "comes from the key 'key' of the Secret rewriter-key (parameter rewriter_secret)" in told
    assert "key-of-the-namespace" not in told
    assert os.environ["OPENAI_API_KEY"] == "mine"


def test_a_host_that_only_a_cluster_knows_is_not_asked_from_outside() -> None:
    inside = ["http://judge:8000/v1", "http://judge.ns.svc/v1", "https://judge.ns.svc.cluster.local/v1"]
    outside = ["http://localhost:8000/v1", "http://127.0.0.1/v1", "https://api.openai.com/v1", "http://[::1]:80/v1"]
    assert [is_inside(each) for each in (*inside, *outside)] == [True] * 3 + [False] * 4


def test_without_a_preset_or_a_namespace_doctor_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    run = PlannedRun(workspace="", cluster=Cluster(namespace=""), store_secret="s")
    assert examine(run, deep=False) == ExitCode.BAD_INPUT
    assert "give --namespace, for a run on a cluster; or a preset, for a run on this machine" in capsys.readouterr().err
