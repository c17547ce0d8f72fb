"""The judge's own command, started on this machine: it is a server that our engine can ask."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from components.shared.engines import Request, Sampling
from components.shared.engines.openai_engine import OpenAIEngine
from tests.helm.matrix import JUDGE
from tests.manifests.tools import Tools
from tests.stores import free_ports

pytestmark = pytest.mark.model
STARTUP_SECONDS = 480  # on two busy cores it took more than 200


@pytest.fixture(scope="module")
def judge(tools: Tools, smollm2: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    (deployment,) = [item for item in tools.render(**JUDGE).objects if item["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    home, port = tmp_path_factory.mktemp("judge"), free_ports(1)[0]
    here = {str(JUDGE["judge__model"]): str(smollm2), "8000": str(port), "8192": "512"}
    arguments = [
        f"{option}={here.get(value, value)}" for option, value in (word.split("=") for word in container["args"])
    ]
    command = [sys.executable, *container["command"][1:], *arguments]
    given = {item["name"]: item["value"].replace("/tmp", str(home)) for item in container["env"] if "value" in item}
    with (home / "log").open("w", encoding="utf-8") as log:
        server = subprocess.Popen(
            command,
            env=os.environ | given | {"VLLM_CPU_KVCACHE_SPACE": "1"},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            path = container["readinessProbe"]["httpGet"]["path"]
            assert _is_up(f"http://127.0.0.1:{port}{path}", server), (home / "log").read_text(encoding="utf-8")[-2000:]
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def test_our_engine_gets_replies_from_the_judge(judge: str, smollm2: Path) -> None:
    engine = OpenAIEngine(judge, str(smollm2), api_key_env="NO_KEY", max_concurrency=2)
    requests = [Request(key=number, message="What is 2+2?", seed=number) for number in range(2)]
    results = list(engine.generate(requests, Sampling(temperature=0, max_tokens=8)))
    engine.close()
    assert sorted(result.request.key for result in results) == [0, 1]
    assert all(result.completions[0].text for result in results)


def test_the_judge_names_the_model_that_it_serves(judge: str, smollm2: Path) -> None:
    assert [model["id"] for model in httpx.get(f"{judge}/models").json()["data"]] == [str(smollm2)]


def _is_up(url: str, server: subprocess.Popen[bytes]) -> bool:
    end = time.monotonic() + STARTUP_SECONDS
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(url).is_success:
                return True
        except httpx.TransportError:
            time.sleep(1)
    return False
