"""Plans: the work that a folder is made by, and the fingerprint of that work, which is the folder's address.

The same step, version, options, inputs, prompts and chat family have the same fingerprint, on any hardware and in any
place. A model's own chat template is a part of the model, which is an input.
"""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from components.shared.addresses import STORES, check_pinned
from components.shared.config import StepConfig, flag_of, folders, info_of, options_of
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.templates import OWN, template_file
from components.shared.workspace.manifests import FORMAT, MANIFEST, PLAN, package_versions, read_plan_or_none
from components.shared.workspace.row_sources import is_rejected, open_source
from components.shared.workspace.rows import Slice

SHARD_OPTIONS = ("num_shards", "shard")

Inputs = Mapping[str, list[dict[str, Any]]]  # by option: address, fingerprint and more of each


def make_plan(
    config: StepConfig,
    kind: str,
    columns: Sequence[str],
    slices: Sequence[Slice],
    units_per_row: int,
    inputs: Inputs | None = None,
) -> dict[str, Any]:
    """Return the plan of a step's folder: what made it, its fingerprint, how its rows are cut into parts.

    ``inputs``: what ``describe_inputs`` has just said of this config.
    """
    options, inputs = _options(config), describe_inputs(config) if inputs is None else inputs
    prompts = {path.name: storage.digest_file(path) for path in _texts(config)}
    work = {
        "step": config.step,
        "version": config.VERSION,
        "options": options,
        "inputs": {name: [entry["fingerprint"] for entry in entries] for name, entries in inputs.items()},
        "prompts": prompts,
    }
    return {
        "format": FORMAT,
        "step": config.step,
        "version": config.VERSION,
        "fingerprint": hashlib.sha256(json.dumps(work, sort_keys=True).encode()).hexdigest()[:16],
        "kind": kind,
        "columns": list(columns),
        "options": options,
        "inputs": inputs,
        "prompts": prompts,
        "rows_in": sum(map(len, slices)) * units_per_row,
        "units_per_row": units_per_row,
        "slices": [[s.input, s.part, s.start, s.stop] for s in slices],
        "command": command_of(config),
        "code_version": package_versions().get("scalequest", ""),
    }


def describe_inputs(config: StepConfig) -> Inputs:
    """Return what stands now at the addresses that a config names; all files of a plain directory are read for that."""
    names = [option_field.name for option_field in options_of(type(config)) if info_of(option_field).is_folder]
    return {name: [_describe_input(name, uri) for uri in folders(getattr(config, name))] for name in names}


def command_of(config: StepConfig) -> str:
    """Return the command line that does the work of ``config``, all shards of it, for a shell."""
    words = ["python", "-m", f"components.{config.step}"]
    for option_field in options_of(type(config)):
        if option_field.name in SHARD_OPTIONS:
            continue  # one shard of many would not finish the folder
        value = getattr(config, option_field.name)
        if value != option_field.default and value != "":
            flag, text = flag_of(option_field.name), str(value).lower() if isinstance(value, bool) else str(value)
            words += [f"{flag}={text}"] if text.startswith("-") else [flag, text]  # a word with a dash is a flag
    return shlex.join(words)


def standing_plan(uri: str, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plan that stands in a folder: it decides how the rows are cut, whatever the present options say.

    InputError where its rows have other columns: code that has changed cannot continue what the older one began.
    """
    standing = read_plan_or_none(uri)
    assert standing is not None, uri
    if [standing["kind"], standing["columns"]] != [plan["kind"], plan["columns"]]:
        raise InputError(
            f"{uri} was begun by another version of this step: {standing['kind']} rows with the columns "
            f"{', '.join(standing['columns'])}; now {plan['kind']} rows with {', '.join(plan['columns'])}; "
            "finish it with that version, or delete it"
        )
    return standing


def refuse_remade_inputs(uri: str, standing: Mapping[str, Any], plan: Mapping[str, Any]) -> None:
    """Raise InputError where an input is not what the folder was begun from, though the same work made it.

    Its rows may be cut into other parts, or be others (no engine on a GPU repeats itself): parts that stand do not fit.
    """
    for name, entries in plan["inputs"].items():
        for old, new in zip(standing["inputs"][name], entries, strict=True):
            if old.get("content") != new.get("content"):
                raise InputError(
                    f"{uri} is half done, and {flag_of(name)} {new['uri']} was made again since, with other parts "
                    f"(content {old.get('content')} then, {new.get('content')} now); remove {uri} and start again, or "
                    "take another workspace"
                )


def explain_difference(workspace: str, siblings: Sequence[str], plan: Mapping[str, Any]) -> str:
    """Say what sets a new folder apart from the step's folder that is most like it; "" where there is none."""
    differences = []
    for name in siblings[:20]:
        try:
            other = read_plan_or_none(storage.join(workspace, plan["step"], name))
        except InputError:
            continue  # of no use for a comparison, and in nobody's way
        if other is not None:
            differences.append((_compare(other, plan), name))
    if not differences:
        return ""
    nearest, name = min(differences, key=lambda pair: len(pair[0]))
    return f": {plan['step']}/{name} cannot be reused, it differs in {'; '.join(nearest)}"


def _texts(config: StepConfig) -> tuple[Path, ...]:
    """Return the files whose texts stand around its rows: its prompts, and the chat family where it has one."""
    family = getattr(config, "chat_template", OWN)
    return config.prompts if family == OWN else (*config.prompts, template_file(family))


def _options(config: StepConfig) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for option_field in options_of(type(config)):
        info, value = info_of(option_field), getattr(config, option_field.name)
        if info.affects_output and not info.is_folder:
            # 1 given for 1.0 (a preset, a test) is the same work
            options[option_field.name] = float(value) if isinstance(option_field.default, float) else value
    return options


def _describe_input(name: str, uri: str) -> dict[str, Any]:
    """Return address and fingerprint of an input: a finished folder of ours, its rejects, or anything by its content.

    What is neither a path nor in a store (hf://org/name@commit, package:name@version) has its address as its
    fingerprint.
    """
    if uri.startswith("hf://"):
        check_pinned(uri)
    if "://" in uri and uri.split("://", 1)[0] not in STORES:
        return {"uri": uri, "fingerprint": f"address:{uri}"}
    if is_rejected(uri) or any(storage.exists(storage.join(uri, described)) for described in (MANIFEST, PLAN)):
        source = open_source(uri)
        return {
            "uri": uri,
            "fingerprint": source.fingerprint,
            "kind": source.kind,
            "rows": source.num_rows,
            "content": source.content,
        }
    if not storage.exists(uri):
        if re.match(r"[a-z][a-z0-9_-]*:(?!//)", uri):
            return {"uri": uri, "fingerprint": f"address:{uri}"}
        raise InputError(f"{flag_of(name)} {uri!r}: nothing stands there; check the address")
    return {"uri": uri, "fingerprint": f"content:{storage.content_id(uri)}"}


def _compare(other: Mapping[str, Any], plan: Mapping[str, Any]) -> list[str]:
    lines = [] if other["version"] == plan["version"] else [f"step version {other['version']}, now {plan['version']}"]
    verbs = (("options", flag_of), ("inputs", lambda name: f"input {flag_of(name)}"), ("prompts", "prompt {}".format))
    for section, verb in verbs:
        for name in sorted({*other[section], *plan[section]}):
            old, new = other[section].get(name), plan[section].get(name)
            if section == "inputs":
                old, new = ([entry["fingerprint"] for entry in value or ()] for value in (old, new))
            if old != new:
                lines.append(f"{verb(name)} {old!r}, now {new!r}")
    return lines
