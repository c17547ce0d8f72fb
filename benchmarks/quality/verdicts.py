"""Verdicts of a judge read from its replies: ``python -m benchmarks.quality.verdicts``.

On the replies of the tests, beside the published way ("yes" anywhere in the text).
"""

from __future__ import annotations

from benchmarks.quality.cases import cases_of, print_shares
from components.filter_solvability.judge_verdict import parse_verdict

GROUPS = {True: "solvable", False: "not solvable", None: "no verdict"}


def main() -> None:
    """Read all replies in two ways and print the table."""
    ways = {"filter_solvability": parse_verdict, '"yes" in the text (the paper\'s)': lambda text: "yes" in text.lower()}
    print_shares(cases_of("verdicts"), ways, lambda case: GROUPS[case.expected])


if __name__ == "__main__":
    main()
