"""`scalequest push`: a finished dataset or model to a hub."""

from __future__ import annotations

from dataclasses import dataclass

from rich.console import Console

from components.shared.addresses import HubRepository, parse_repository
from components.shared.errors import ExitCode
from components.shared.publishing.contents import CARD, Published, published
from pipelines.json_output import print_json, stream_for_people
from pipelines.reporting import exit_code_of, readable_size, visible
from pipelines.workspace_folders import MODEL_STEPS, dataset_at


@dataclass(frozen=True, kw_only=True)
class Push:
    """What was asked for."""

    address: str  # of a folder, or of a workspace: its newest dataset
    repository: str
    public: bool
    dry_run: bool
    as_json: bool = False


def push(asked: Push) -> int:
    """Push a folder, or only list what would be pushed; return the exit code."""
    return exit_code_of("push", lambda: _push(Console(file=stream_for_people(as_json=asked.as_json)), asked))


def _push(console: Console, asked: Push) -> int:
    folder = dataset_at(asked.address, MODEL_STEPS)
    contents = published(folder, asked.repository.rpartition("/")[2])
    repository = parse_repository(asked.repository, contents.kind)
    told = {"kind": contents.kind, "folder": folder, "repository": str(repository), "size": contents.size}
    if asked.dry_run:
        _print(console, *_listing(contents, repository))
        if asked.as_json:
            print_json({**told, "files": _files(contents), "would_remove": contents.made})
        return ExitCode.DONE
    from components.shared.publishing import hub

    pushed = hub.push(contents, repository, public=asked.public, tell=lambda line: _print(console, line))
    _print(console, *(f"removed {name}: an earlier push made it" for name in pushed.removed))
    access = "private" if pushed.private else "public"
    if pushed.changed:
        _print(console, f"pushed {_size(contents)} of {folder} to {pushed.address} ({access}), commit {pushed.commit}")
    else:
        _print(console, f"{pushed.address} ({access}) has all of {folder} already, commit {pushed.commit}")
    if asked.as_json:
        print_json({**told, "files": _files(contents), **vars(pushed)})
    return ExitCode.DONE


def _listing(contents: Published, repository: HubRepository) -> list[str]:
    files = _files(contents)
    width = max(map(len, files))
    lines = [f"{name:{width}}  {readable_size(size):>9}" for name, size in files.items()]
    would = f"would push {_size(contents)} of {contents.folder} to {repository}"
    return [
        *lines,
        f"would remove what else is there of an earlier push (N: a digit): {', '.join(contents.made)}",
        would,
    ]


def _files(contents: Published) -> dict[str, int]:
    """Return what is pushed: the size of each file by its name."""
    made = {CARD: len(contents.card)} if contents.card else {}
    return dict(sorted(({file.name: file.size for file in contents.files} | made).items()))


def _size(contents: Published) -> str:
    number = len(contents.files) + bool(contents.card)
    return f"{number} file{'s' * (number != 1)}, {readable_size(contents.size)},"


def _print(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(visible(line), markup=False, highlight=False, soft_wrap=True)
