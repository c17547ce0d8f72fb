"""What a loop takes and gives: the SDK knows less of the types than Kubeflow does."""

import copy
from typing import Any, cast


def as_text(addresses: Any) -> Any:
    """Hand the addresses that a loop has collected to a ``str`` option, which takes it as JSON.

    Kubeflow turns a list into JSON where text is asked for (its driver: "all parameter types can be consumed as JSON
    string"), and kfp.local does too; only the SDK's check of types at compile time stands in the way.
    """
    return _relabelled(addresses, "STRING")


def as_number(value: Any) -> float:
    """Hand a number of a loop's item to a ``float`` option: the SDK takes every value of an item for text."""
    return cast(float, _relabelled(value, "FLOAT"))


def _relabelled(channel: Any, kind: str) -> Any:
    relabelled = copy.copy(channel)
    relabelled.channel_type = kind
    return relabelled
