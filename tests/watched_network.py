"""Sees what processes want of the network, and gives them none but this machine's own.

Two ways, each of which sees what the other does not. ``command_of`` runs a command in a network namespace that has
nothing but loopback: the kernel counts there what found no route, whoever sent it, C libraries included. And ``watch``,
in each Python process of such a command, writes down and refuses each connection and each name that is looked up, with
the command and the lines that asked for it.
"""

from __future__ import annotations

import fcntl
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

REPORT = "WATCHED_NETWORK"  # environment variable: the file that processes add lines to
COUNTED = ("Ip:OutNoRoutes", "Ip6OutNoRoutes", "Udp:NoPorts", "Udp6NoPorts")  # the last two: a resolver on loopback
_ADDRESSES = {"socket.connect": 1, "socket.sendto": 1, "socket.sendmsg": 1}  # where each event has its address
_NAMES = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x41


@dataclass(frozen=True)
class Watched:
    """What was wanted of the network beyond this machine."""

    attempts: list[str]  # of Python code
    unrouted: dict[str, int] | None  # packets of anybody by counter; None where this machine gives no namespace


def command_of(report: Path, command: Sequence[str]) -> list[str]:
    """Return the command that runs another one without a network, and writes to ``report`` what the kernel counted.

    Without the right to make namespaces, it only writes that down.
    """
    ways = (["unshare", "--net"], ["unshare", "--map-root-user", "--net"])
    way = next((way for way in ways if _succeeds([*way, "true"])), [])
    place = "alone" if way else "among others"
    program = "from tests.watched_network import run_counted; run_counted()"
    return [*way, sys.executable, "-c", program, place, f"{report}.counters", *command]


def read(report: Path) -> Watched:
    """Return what was written by the end of a command."""
    lines = report.read_text(encoding="utf-8").splitlines() if report.exists() else []
    counters = Path(f"{report}.counters").read_text(encoding="utf-8")
    return Watched([json.loads(line) for line in lines], json.loads(counters))


def watch() -> None:
    """Refuse this process all but this machine itself, if the environment says so, and write down what it wants."""
    if report := os.environ.get(REPORT):
        sys.addaudithook(lambda event, args: _look(report, event, args))


def _look(report: str, event: str, args: tuple[Any, ...]) -> None:
    if event in _ADDRESSES:
        wanted = args[_ADDRESSES[event]]
        if not isinstance(wanted, tuple) or _is_own(wanted[0]):  # no tuple: a socket of this machine's file system
            return
    elif event in _NAMES:
        wanted = args[0]
        if wanted is None or _is_own(wanted) or _is_address(wanted):  # for an address nobody is asked
            return
    else:
        return
    lines = " < ".join(f"{frame.filename}:{frame.lineno}" for frame in reversed(traceback.extract_stack()[:-2]))
    with Path(report).open("a", encoding="utf-8") as file:
        file.write(json.dumps(f"{event} {wanted!r} by {' '.join(sys.orig_argv[:6])} at {lines}") + "\n")
    raise ConnectionRefusedError(f"{event} {wanted!r}: not in this test")


def _is_own(host: str | bytes) -> bool:
    name = _text(host)
    own_names = ("", "localhost", socket.gethostname())
    return name in own_names or (_is_address(name) and ipaddress.ip_address(name).is_loopback)


def _is_address(host: str | bytes) -> bool:
    try:
        ipaddress.ip_address(_text(host))
    except ValueError:
        return False
    return True


def _text(host: str | bytes) -> str:
    return host.decode() if isinstance(host, bytes) else host


def run_counted() -> NoReturn:
    """Run the command that the command line names behind the report; its first word says where this is."""
    place, report, *command = sys.argv[1:]
    before = _counters() if place == "alone" else None
    if before is not None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
    code = subprocess.run(command, check=False).returncode
    counted = None if before is None else {name: value - before[name] for name, value in _counters().items()}
    Path(report).write_text(json.dumps(counted), encoding="utf-8")
    sys.exit(code)


def _counters() -> dict[str, int]:
    lines = Path("/proc/net/snmp").read_text(encoding="utf-8").splitlines()
    found = {
        names.split()[0] + name: int(value)
        for names, values in zip(lines[::2], lines[1::2], strict=True)
        for name, value in zip(names.split()[1:], values.split()[1:], strict=True)
    }
    found |= {
        name: int(value)
        for name, value in map(str.split, Path("/proc/net/snmp6").read_text(encoding="utf-8").splitlines())
    }
    return {name: found.get(name, 0) for name in COUNTED}


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
