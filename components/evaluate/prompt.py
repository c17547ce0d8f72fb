"""The prompts of an evaluation: that of generate_responses, those of benchmarks, or files of the user's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from components.evaluate.config import EvaluateConfig
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.texts.prompts import fill_prompt, load_prompt, variables_of


def prompts_of(config: EvaluateConfig, benchmarks: Sequence[str]) -> Mapping[str, str]:
    """Return the text around the questions of each benchmark; InputError for a file that is no such text.

    A folder of the user's has to have a file for each of them, so that no name is misspelt.
    """
    if not config.has_own_prompt:
        named = config.named_prompts
        return {benchmark: load_prompt(named.get(benchmark, named[""])) for benchmark in benchmarks}
    storage.scheme_of(config.prompt_file)
    names = storage.list_names(config.prompt_file)
    if not names:
        return dict.fromkeys(benchmarks, read_prompt(config.prompt_file))
    files = {benchmark: f"{benchmark}.txt" for benchmark in benchmarks}
    if missing := [name for name in files.values() if name not in names]:
        raise InputError(
            f"--prompt-file {config.prompt_file!r} has no {', '.join(missing)}; found {', '.join(names)}; expected a "
            "file for each benchmark that the questions come from, by its name"
        )
    return {benchmark: read_prompt(storage.join(config.prompt_file, name)) for benchmark, name in files.items()}


def check_prompts(config: EvaluateConfig) -> None:
    """Raise InputError where files of the user's are no prompts, whichever benchmarks they are for."""
    if not config.has_own_prompt:
        return
    storage.scheme_of(config.prompt_file)
    names = [name for name in storage.list_names(config.prompt_file) if name.endswith(".txt")]
    for uri in [storage.join(config.prompt_file, name) for name in names] or [config.prompt_file]:
        read_prompt(uri)


def read_prompt(uri: str) -> str:
    """Return a prompt file's text; a first line that begins with "#" is a comment."""
    try:
        text = storage.read_bytes(uri).decode("utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise InputError(f"--prompt-file {uri!r}: no such file; check the address") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--prompt-file {uri!r} is not text in UTF-8 ({error}); save it as such") from error
    if text.startswith("#"):
        text = text.partition("\n")[2]
    try:
        found = variables_of(text)
        if found != {"question"}:
            raise ValueError(f"its variables are {', '.join(map(repr, sorted(found))) or 'none'}")
        fill_prompt(text, question="")
    except (ValueError, LookupError) as error:
        raise InputError(
            f"--prompt-file {uri!r}: {error}; expected text with {{question}} where the question stands; any other "
            r"brace is written twice: \boxed{{}}"
        ) from error
    return text.strip()
