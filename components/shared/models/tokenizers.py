"""A model's tokenizer exactly as in its tokenizer.json: every step that needs one loads it here.

transformers 5 rebuilds many tokenizers from the class that tokenizer_config.json names. If another class made the file,
spaces are lost: DeepSeekMath's byte-level file under LlamaTokenizerFast becomes one of SentencePiece. The model was
trained with the file itself. So the file is used as it is, also for models that were imported before import_model
compared the two.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerFast  # by itself without PyTorch
from transformers.utils import logging as transformers_logging

from components.shared.errors import InputError
from components.shared.models.files import read_object

AS_IT_STANDS = "PreTrainedTokenizerFast"  # transformers' class that uses tokenizer.json as it is
# What a tokenizer is loaded from, beside tokenizer_config.json.
TOKENIZER_FILES = ("tokenizer.json", "special_tokens_map.json", "added_tokens.json", "chat_template.*")
# A text that a tokenizer must return unchanged: spaces, line ends, digits, LaTeX, letters of other scripts.
PROBE = (
    "What is  2 + 2?\n\nLet $x^{2} = 1234567890$, so\n\t\\frac{3}{4} \\le \\sqrt{y_1} & it's 50\\%.\n"
    '# π ≈ 3.14, √2 ≤ é — 三角形 <b> [1, 2)\n    Straße: "a" , b .'
)


def load_tokenizer(model_folder: Path | str) -> Any:
    """Return the tokenizer in ``model_folder``, without truncation, and without padding unless asked.

    Raises InputError if the folder has none that can be read.
    """
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()  # it would warn that the class differs from the config's: intended
    try:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(str(model_folder), trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises nothing else for a file that it cannot read
        if type(error) is not Exception and not isinstance(error, (ValueError, TypeError, KeyError, OSError)):
            raise
        said = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        raise InputError(
            f"the tokenizer in {model_folder} cannot be read ({said}); "
            "expected the tokenizer.json of a fast tokenizer, with the tokenizer_config.json that belongs to it"
        ) from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    tokenizer.backend_tokenizer.no_truncation()
    tokenizer.backend_tokenizer.no_padding()
    return tokenizer


def round_trip(tokenizer: Any) -> str:
    """Return the probe text after encoding and decoding."""
    ids = tokenizer.backend_tokenizer.encode(PROBE, add_special_tokens=False).ids
    text: str = tokenizer.backend_tokenizer.decode(ids, skip_special_tokens=False)
    return text.removeprefix(" ")  # SentencePiece's own, before the first word


def is_rebuilt_otherwise(model_folder: Path) -> bool:
    """Tell whether transformers' AutoTokenizer makes other tokens of the probe text than tokenizer.json does."""
    from transformers import AutoTokenizer  # loads PyTorch and half of transformers

    ours = load_tokenizer(model_folder)
    try:
        theirs = AutoTokenizer.from_pretrained(str(model_folder), trust_remote_code=False)
    except (ValueError, TypeError, KeyError, OSError, AttributeError, ImportError):
        return True
    both = [(tokenizer(PROBE)["input_ids"], tokenizer.eos_token_id) for tokenizer in (ours, theirs)]
    return both[0] != both[1] or theirs.decode(both[0][0]) != ours.decode(both[0][0])


def tokenizer_folder(model_folder: Path) -> tempfile.TemporaryDirectory[str]:
    """Return a folder with the tokenizer alone, from which AutoTokenizer makes the one of ``load_tokenizer``.

    For vLLM, which loads it itself. The folder exists until it is closed.
    """
    folder = tempfile.TemporaryDirectory(prefix="tokenizer-")
    for path in (path for pattern in TOKENIZER_FILES for path in model_folder.glob(pattern)):
        Path(folder.name, path.name).symlink_to(path.resolve())
    write_tokenizer_config(model_folder, Path(folder.name))
    # The kind of the model itself may have a class of its own in transformers' lists; this one lets the file decide.
    # Without a version, transformers warns of a fault of Mistral's files for each vocabulary above 100,000.
    config = {"model_type": "llama", "transformers_version": "5.0.0"}
    Path(folder.name, "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def write_tokenizer_config(model_folder: Path, folder: Path) -> None:
    """Write the model's tokenizer_config.json into ``folder``, with the class that takes tokenizer.json as it is."""
    name = "tokenizer_config.json"
    config = read_object(model_folder / name)
    config.pop("auto_map", None)  # code of its own, which is never run
    config["tokenizer_class"] = AS_IT_STANDS
    (folder / name).write_text(json.dumps(config, indent=2, ensure_ascii=False), encoding="utf-8")
