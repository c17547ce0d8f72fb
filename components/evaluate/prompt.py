"""The prompt of an evaluation: that of generate_responses, one of a benchmark, or a file of the user's."""

from __future__ import annotations

from components.evaluate.config import EvaluateConfig
from components.shared.errors import InputError
from components.shared.stores import storage
from components.shared.texts.prompts import fill_prompt, load_prompt, variables_of


def prompt_of(config: EvaluateConfig) -> str:
    """Return the text around a question; InputError for a file that is no such text."""
    if config.has_own_prompt:
        return read_prompt(config.prompt_file)
    return load_prompt(config.named_prompt)


def read_prompt(uri: str) -> str:
    """Return a prompt file's text; a first line that begins with "#" is a comment."""
    storage.scheme_of(uri)
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
