"""What the tests see the network by does see: names, addresses, and what no line of Python asks for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests import watched_network
from tests.watched_network import REPORT, Watched

NOWHERE = "192.0.2.1"  # reserved for documentation
IN_C = f"""
import ctypes, socket, struct
address = struct.pack("!HH4s8x", 0, 80, socket.inet_aton("{NOWHERE}"))
address = struct.pack("=H", socket.AF_INET) + address[2:]
sender = socket.socket()
ctypes.CDLL(None).connect(sender.fileno(), address, len(address))
"""


def run(program: str, report: Path) -> Watched:
    root = Path(__file__).parents[1]
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{root / 'tests/kubeflow/site'}:{root}", REPORT: str(report)}
    command = watched_network.command_of(report, [sys.executable, "-c", program])
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return watched_network.read(report)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (f"socket.create_connection(('{NOWHERE}', 80))", f"socket.connect ('{NOWHERE}', 80)"),
        (f"socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('{NOWHERE}', 53))", "socket.sendto"),
        ("socket.getaddrinfo('huggingface.co', 443)", "socket.getaddrinfo 'huggingface.co'"),
        ("urllib.request.urlopen('https://stats.vllm.ai')", "socket.getaddrinfo 'stats.vllm.ai'"),
    ],
)
def test_what_python_wants_of_the_network_is_refused_and_written_down(asked: str, named: str, tmp_path: Path) -> None:
    program = f"import socket, urllib.request\ntry:\n    {asked}\n    raise SystemExit(1)\nexcept OSError:\n    pass"
    attempts = run(program, tmp_path / "network").attempts
    assert any(named in attempt and "<string>:3" in attempt for attempt in attempts), attempts


def test_what_a_c_library_wants_of_the_network_is_counted(tmp_path: Path) -> None:
    watched = run(IN_C, tmp_path / "network")
    if watched.unrouted is None:
        pytest.skip("this machine does not let its users have network namespaces")
    assert watched.attempts == []
    assert watched.unrouted["Ip:OutNoRoutes"] == 1


def test_a_machine_may_speak_to_itself(tmp_path: Path) -> None:
    program = (
        "import socket\nserver = socket.create_server(('127.0.0.1', 0))\n"
        "socket.create_connection(('localhost', server.getsockname()[1]))"
    )
    watched = run(program, tmp_path / "network")
    assert watched.attempts == []
    assert not any((watched.unrouted or {}).values())
