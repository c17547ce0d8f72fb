"""YAML that a person wrote: values, the line that each stands in, and errors that name file, line and remedy."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from components.shared.errors import InputError
from pipelines.nested import walk

_NAMES = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
DEEPEST = 50  # levels of lists and mappings within each other


class _Loader(yaml.SafeLoader):
    """Reads 1e-5 as a number, as YAML 1.2 does; dates as text; a key that stands twice is an error."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping; ConstructorError where a key stands twice: the first value would be lost in silence."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            name = str(key.value)
            if name in lines:
                problem = f"{name!r} stands twice, first in line {lines[name]}; delete one"
                raise yaml.constructor.ConstructorError(problem=problem, problem_mark=key.start_mark)
            lines[name] = key.start_mark.line + 1
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"), list("-+.0123456789")
)


@dataclass(frozen=True, kw_only=True)
class PlacedValues:
    """The values of a mapping, and where each stands: ``FILE:LINE`` by name."""

    values: dict[str, Any]
    places: dict[str, str]


def parse_value(text: str) -> Any:
    """Return the value of a text in YAML; InputError says what is wrong with it."""
    try:
        return _plain(yaml.load(text, _Loader))  # noqa: S506 - it is a SafeLoader
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{text!r} is not a valid value: {_problem(error)}") from error
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{text!r} is not a valid value: expected a number, text or list, in YAML") from error


def read_placed(path: Path, *, called: str) -> PlacedValues:
    """Read a file of ``name: value`` lines; InputError begins with the file, as it is ``called``, and the line."""
    text = _text(path, called)
    try:
        root, values = _composed(text)
    except yaml.MarkedYAMLError as error:
        raise InputError(f"{called}:{_line(error)}: is not YAML: {_problem(error)}") from error
    except yaml.reader.ReaderError as error:
        line, sign = text.count("\n", 0, int(error.position)) + 1, ord(text[int(error.position)])
        raise InputError(f"{called}:{line}: is not YAML: no text has the character U+{sign:04X}") from error
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{called}: expected numbers, texts, lists and mappings, at most {DEEPEST} deep") from error
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"{called}: expected lines of `name: value`, found {_kind_of(root)}")
    for key, _ in root.value:
        if key.tag not in _NAMES:
            said = repr(key.value) if isinstance(key, yaml.ScalarNode) else _kind_of(key)
            line = key.start_mark.line + 1
            raise InputError(f"{called}:{line}: {said} is no name; expected lines of `name: value`")
    lines = {key.value: key.start_mark.line + 1 for key, _ in root.value}
    for name, value in values.items():
        texts = [text for _, text in walk({name: value}) if isinstance(text, str)]
        if escaped := next(filter(None, map(yaml.reader.Reader.NON_PRINTABLE.search, texts)), None):
            raise InputError(f"{called}:{lines.get(name, 1)}: no text has the character U+{ord(escaped[0]):04X}")
    return PlacedValues(values=values, places={name: f"{called}:{lines.get(name, 1)}" for name in values})


def _composed(text: str) -> tuple[yaml.Node | None, Any]:
    """Return a text's outermost node, and the values of it."""
    loader = _Loader(text)
    root = loader.get_single_node()
    return root, {} if root is None else _plain(loader.construct_document(root))


def _text(path: Path, called: str) -> str:
    try:
        content = path.read_bytes()
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InputError(f"{called}:{line}: is not UTF-8 text; save it as UTF-8") from error
    except OSError as error:
        raise InputError(f"{called} cannot be read: {error.strerror}") from error


def _plain(value: Any) -> Any:
    """Return a value that JSON has, too; ValueError, TypeError or RecursionError for another one."""
    json.dumps(value)
    if _depth(value) > DEEPEST:
        raise ValueError(f"more than {DEEPEST} levels")
    return value


def _depth(value: Any) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if items is None else 1 + max(map(_depth, items), default=0)


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join(filter(None, [error.context, error.problem]))
    return f"{problem}; indent with spaces" if "'\\t'" in problem else problem


def _line(error: yaml.MarkedYAMLError) -> int:
    marks = [error.problem_mark, error.context_mark]
    if isinstance(error, yaml.scanner.ScannerError):  # which is where it gave up: an open quotation, at the file's end
        marks.reverse()
    mark = next(filter(None, marks), None)
    return mark.line + 1 if mark else 1


def _kind_of(node: yaml.Node | None) -> str:
    if node is None:
        return "nothing"
    if isinstance(node, yaml.CollectionNode):
        return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
    return "a text"
