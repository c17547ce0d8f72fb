"""What a writer does if another process was faster and its object exists already: accept it, or refuse it.

Rows of the same work are as good as this process's own, identical or not (no engine on a GPU repeats itself). Rows made
from other inputs do not fit: somebody made an input again, at the same address, while this folder was being made.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from components.shared.config import flag_of
from components.shared.errors import InputError
from components.shared.workspace._descriptions import Inputs
from components.shared.workspace.ledgers import Ledger, read_ledger
from components.shared.workspace.manifests import Manifest, read_manifest

logger = logging.getLogger(__name__)


def input_contents(inputs: Inputs) -> dict[str, list[str]]:
    """Return what identifies a plan's inputs, by option: the same work at another time may have made other rows."""
    return {name: [entry.content or entry.fingerprint for entry in entries] for name, entries in inputs.items()}


def accept_part(uri: str, ledger: Ledger, inputs: Inputs) -> Ledger:
    """Return the ledger of the part that exists instead of ours; InputError if it was made from other inputs."""
    standing = read_ledger(uri)
    refuse_other_inputs(uri, standing.inputs, inputs)
    if (standing.digest, standing.rejects_digest) == (ledger.digest, ledger.rejects_digest):
        logger.debug("%s already exists, with the same rows", uri)
    else:
        logger.info("%s was written by another process meanwhile, with other rows: its rows count", uri)
    return standing


def accept_manifest(uri: str, ours: Manifest) -> None:
    """Accept the manifest that exists instead of ours; InputError if it was made from other inputs."""
    standing = read_manifest(uri)
    refuse_other_inputs(uri, input_contents(standing.inputs), ours.inputs)
    if standing.content == ours.content:
        logger.info("finished %s: another process wrote the same manifest", uri)
    else:
        logger.info("finished %s: another process was faster, with other content: its manifest counts", uri)


def refuse_other_inputs(uri: str, standing: Mapping[str, Sequence[str]], inputs: Inputs) -> None:
    """Raise InputError if what exists was made from other inputs than those of a plan; it says which ones differ.

    ``standing`` is empty for parts of a version that did not write down their inputs: they are taken as they are.
    """
    ours = input_contents(inputs)
    differences = [
        f"{flag_of(name)} {entry.uri}: its content was {old} there and is {new} here"
        for name in sorted(standing.keys() & ours.keys())
        for entry, old, new in zip(inputs[name], standing[name], ours[name], strict=True)
        if old != new
    ]
    if differences:
        folder = uri.rpartition("/")[0] if uri.endswith(".parquet") else uri
        raise InputError(
            f"{uri} was made from other inputs ({'; '.join(differences)}): they were made again while this folder was "
            f"being made; make sure no other job writes there, delete {folder} and start again"
        )
