"""A lock of PyTorch's compiler is removed once its holder is dead, and not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from torch.utils.cpp_extension import get_default_build_root

from components.shared.training._compiler_locks import LOCK, _extensions, remove_dead_locks

# What a process does that compiles an extension; it is killed amid that.
COMPILE = """
import sys, time
from torch.utils.file_baton import FileBaton
assert FileBaton(sys.argv[1]).try_acquire()
print("compiling", flush=True)
time.sleep(600)
"""


def test_the_lock_of_a_killed_compiler_is_removed_and_that_of_a_living_one_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path))
    lock = tmp_path / "deepspeed_shm_comm" / LOCK
    lock.parent.mkdir()
    with subprocess.Popen([sys.executable, "-c", COMPILE, lock], stdout=subprocess.PIPE) as compiler:
        assert compiler.stdout
        assert compiler.stdout.readline() == b"compiling\n"
        remove_dead_locks()
        assert lock.exists()
        compiler.kill()
        compiler.wait()
        assert lock.exists()
        remove_dead_locks()
        assert not lock.exists()


def test_nothing_compiled_yet_has_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_EXTENSIONS_DIR", str(tmp_path / "none"))
    remove_dead_locks()
    assert not (tmp_path / "none").exists()


def test_they_are_looked_for_where_pytorch_compiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCH_EXTENSIONS_DIR", raising=False)
    assert _extensions().resolve() == Path(get_default_build_root())
