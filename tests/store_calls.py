"""What a block asks a store for, counted on a real one: listings and reads, each with its address."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from components.shared.stores import inventory, storage


@dataclass
class StoreCalls:
    """The addresses that were asked for, in their order."""

    listed: list[str] = field(default_factory=list)  # with all that is below, or only the names there
    read: list[str] = field(default_factory=list)  # whole, their last bytes, or a range of them
    looked_for: list[str] = field(default_factory=list)
    num_bytes: int = 0  # of what was read whole, by its end or by ranges

    def num_read(self, name: str) -> int:
        """Return how many objects were read whose address ends so."""
        return sum(uri.endswith(name) for uri in self.read)


@contextlib.contextmanager
def counted_calls() -> Iterator[StoreCalls]:
    """Count what this process asks of directories until the block ends."""
    calls = StoreCalls()
    counted: tuple[tuple[Any, str, list[str]], ...] = (
        (inventory, "_list_files", calls.listed),
        (storage, "_ls", calls.listed),
        (storage, "_find", calls.listed),
        (storage, "open_read", calls.read),
        (storage, "exists", calls.looked_for),
    )
    with contextlib.ExitStack() as stack:
        for module, name, addresses in counted:
            stack.enter_context(mock.patch.object(module, name, _noted(getattr(module, name), addresses)))
        for name in ("read_bytes", "read_range", "read_ends"):
            stack.enter_context(mock.patch.object(storage, name, _weighed(getattr(storage, name), calls)))
        yield calls


def _noted(call: Callable[..., Any], addresses: list[str]) -> Callable[..., Any]:
    def noted(uri: str, *arguments: Any, **options: Any) -> Any:
        addresses.append(uri)
        return call(uri, *arguments, **options)

    return noted


def _weighed(call: Callable[..., Any], calls: StoreCalls) -> Callable[..., Any]:
    def weighed(given: str | Sequence[str], *arguments: Any) -> Any:
        calls.read.extend([given] if isinstance(given, str) else given)
        content = call(given, *arguments)
        calls.num_bytes += len(content) if isinstance(content, bytes) else sum(map(len, content))
        return content

    return weighed
