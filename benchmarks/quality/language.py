"""English mathematics kept, anything else rejected: ``python -m benchmarks.quality.language [--english FILE.jsonl]``.

On the hard cases of the tests, and on 200 questions of GSM8K; beside it the published way (a text in ASCII is English)
and lingua for each question. ``--english`` adds a file of questions in English, such as a benchmark.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.quality.cases import Case, cases_of, gsm8k_questions, print_shares
from components.filter_language.step import judge
from components.shared.texts.language_detector import likely_language
from components.shared.texts.prose import prose_words

LEAST_CONFIDENCE, LEAST_CONFIDENCE_SHORT, SHORT = (
    0.09,
    0.03,
    2,
)  # what suits lingua best on questions, by number of words


def main() -> None:
    """Judge all rows in three ways and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--english", type=Path, help="JSON lines with a question each, all of them in English")
    file: Path | None = parser.parse_args().english
    cases = [Case(given=case.given, expected=case.expected == "kept", kind="hard") for case in cases_of("languages")]
    cases += [Case(given=line, expected=True, kind="GSM8K") for line in gsm8k_questions()]
    if file:
        cases += [Case(given=json.loads(line)["question"], expected=True, kind=file.stem) for line in _lines(file)]
    likely_language(prose_words(cases[0].given))  # loads lingua's models
    ways = {
        "filter_language": lambda text: judge(text).reason == "",
        "lingua for each question": _is_english_to_lingua,
        "ASCII (the paper's)": str.isascii,
    }
    print_shares(cases, ways, lambda case: f"{case.kind}: {'English' if case.expected else 'other'}")


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def _is_english_to_lingua(text: str) -> bool:
    words = [word.lower() for word in prose_words(text)]
    least = LEAST_CONFIDENCE_SHORT if len(words) <= SHORT else LEAST_CONFIDENCE
    return not words or likely_language(words)[1] >= least


if __name__ == "__main__":
    main()
