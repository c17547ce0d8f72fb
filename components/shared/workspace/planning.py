"""From a step's options to the plan of its folder; the plan's fingerprint is the last name in the folder's address.

The same step, version, options, inputs, prompts and chat family have the same fingerprint, on any hardware and in any
place. A model's own chat template is part of the model, which is an input.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from components.shared.addresses import STORES, check_pinned, meant_by
from components.shared.config import StepConfig, flag_of, folders, info_of, options_of
from components.shared.errors import InputError, UnavailableError
from components.shared.stores import storage
from components.shared.templates.families import OWN, template_file
from components.shared.workspace._descriptions import FORMAT, Input, package_versions
from components.shared.workspace.listing import newest_names
from components.shared.workspace.plans import Plan, fingerprint_of, read_plan_or_none
from components.shared.workspace.row_sources import RowSource, is_folder, open_source

NUM_COMPARED = 8  # folders that a new one is compared with, to say why none of them is reused
_CONTENT = "content:"  # prefix of the fingerprint of what is identified by its bytes alone


def make_plan(config: StepConfig, opened: Sequence[RowSource] = ()) -> Plan:
    """Return the plan of a step's folder, without its rows, as for a model.

    Looks up what exists now at the addresses in the config, except those that are ``opened``. All files of a plain
    directory are read.
    """
    known = {source.uri: source for source in opened}
    options, inputs = {}, {}
    for field in options_of(type(config)):
        info, value = info_of(field), getattr(config, field.name)
        if info.is_folder:
            inputs[field.name] = tuple(
                _describe(known[uri]) if uri in known else _look_up(field.name, uri) for uri in folders(value)
            )
        elif info.affects_output:
            # 1 instead of 1.0 (in a preset, a test) is the same work
            options[field.name] = float(value) if isinstance(field.default, float) else value
    prompts = {path.name: storage.digest_file(path) for path in _texts(config)}
    return Plan(
        format=FORMAT,
        step=config.step,
        version=config.VERSION,
        fingerprint=fingerprint_of(config.step, config.VERSION, options, inputs, prompts),
        kind="model",
        columns=(),
        options=options,
        inputs=inputs,
        prompts=prompts,
        rows_in=0,
        units_per_row=1,
        slices=(),
        command=command_of(config),
        code_version=package_versions().get("scalequest", ""),
    )


def refuse_changed_inputs(plan: Plan) -> None:
    """Raise UnavailableError if inputs that are not folders of a step have changed since the plan was made."""
    changed = {
        flag_of(name)
        for name, entries in plan.inputs.items()
        for entry in entries
        if entry.fingerprint.startswith(_CONTENT) and entry.fingerprint != _content_fingerprint(entry.uri)
    }
    if changed:
        raise UnavailableError(
            f"{', '.join(sorted(changed))} changed while it was read; start again when no process writes to it"
        )


def command_of(config: StepConfig) -> str:
    """Return the command line, for a shell, that runs the step with ``config``."""
    return shlex.join(words_of(config))


def words_of(config: StepConfig) -> list[str]:
    """Return the same word by word: python, -m, the module, and its arguments."""
    words = ["python", "-m", f"components.{config.step}"]
    for option_field in options_of(type(config)):
        value = getattr(config, option_field.name)
        if value != option_field.default and value != "":
            flag, text = flag_of(option_field.name), str(value).lower() if isinstance(value, bool) else str(value)
            words += (
                [f"{flag}={text}"] if text.startswith("-") else [flag, text]
            )  # a value that begins with a dash would be read as a flag
    return words


def explain_difference(workspace: str, plan: Plan) -> str:
    """Say how a new folder differs from the most similar of the step's newest ones; "" if there is none."""
    place, differences = storage.join(workspace, plan.step), []
    for name in newest_names(place, NUM_COMPARED + 1):  # one of them may be the folder itself
        if name == plan.fingerprint:
            continue
        try:
            other = read_plan_or_none(storage.join(place, name))
        except InputError:
            continue  # unreadable: of no use for a comparison
        if other is not None:
            differences.append((_compare(other, plan), name))
    if not differences:
        return ""
    nearest, name = min(differences, key=lambda pair: len(pair[0]))
    return f"{plan.step}/{name} cannot be reused, it differs in {'; '.join(nearest)}"


def _texts(config: StepConfig) -> tuple[Path, ...]:
    """Return the files with the texts around its rows: its prompts, and the chat family if it has one."""
    families = [
        getattr(config, option_field.name)
        for option_field in options_of(type(config))
        if option_field.name == "chat_template" and info_of(option_field).affects_output
    ]
    return (*config.prompts, *(template_file(family) for family in families if family != OWN))


def _look_up(name: str, uri: str) -> Input:
    """Return address and fingerprint of an input: a finished folder, its rejected rows, or other content.

    What is neither a path nor in a store (hf://org/name@commit, package:name@version) has its address as its
    fingerprint.
    """
    if uri.startswith("hf://"):
        check_pinned(uri)
    if "://" in uri and uri.split("://", 1)[0] not in STORES:
        return Input(uri=uri, fingerprint=f"address:{uri}")
    if is_folder(uri):
        return _describe(open_source(uri))
    if not storage.exists(uri) and not storage.matches(uri):
        if re.match(r"[a-z][a-z0-9_-]*:(?!//)", uri):
            return Input(uri=uri, fingerprint=f"address:{uri}")
        hint = meant_by(uri, is_model=name in ("model", "source"))
        raise InputError(f"{flag_of(name)} {uri!r}: nothing exists there; check the address{hint}")
    return Input(uri=uri, fingerprint=_content_fingerprint(uri))


def _describe(source: RowSource) -> Input:
    return Input(
        uri=source.uri,
        fingerprint=source.fingerprint,
        kind=source.kind,
        rows=source.num_rows,
        content=source.content,
    )


def _content_fingerprint(uri: str) -> str:
    return f"{_CONTENT}{storage.content_id(uri)}"


def _compare(other: Plan, plan: Plan) -> list[str]:
    lines = [] if other.version == plan.version else [f"step version {other.version}, now {plan.version}"]
    sections = (
        (flag_of, other.options, plan.options),
        ("input {}".format, _fingerprints_of(other), _fingerprints_of(plan)),
        ("prompt {}".format, other.prompts, plan.prompts),
    )
    for verb, before, after in sections:
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            if old != new:
                lines.append(f"{verb(name)} {old!r}, now {new!r}")
    return lines


def _fingerprints_of(plan: Plan) -> dict[str, list[str]]:
    return {flag_of(name): [entry.fingerprint for entry in entries] for name, entries in plan.inputs.items()}
