"""The tables of benchmarks.quality that no other test here looks at: what they print is what the goals say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.quality import __main__ as goals
from benchmarks.quality import audit, diversity, imports, preferences, tiers
from benchmarks.quality.cases import Case, print_kinds
from benchmarks.quality.peers import shares_bucket, shares_run
from components.package_dataset.diversity import diversity_of

STORY = "Mia reads 12 pages on Monday and 13 pages on Tuesday. How many pages does she read in all on these two days?"
OTHER = "A tank holds 40 litres of water, and 25 litres are poured into it. How many litres does it hold now?"


def test_each_goal_is_a_module_with_a_table() -> None:
    folder = Path(goals.__file__).parent
    assert {name for name in goals.GOALS if (folder / f"{name}.py").is_file()} == {*goals.GOALS}
    beside = {"cases", "peers", "planting", "small_model"}
    assert {path.stem for path in folder.glob("[a-z]*.py")} == {*goals.GOALS} | beside


def test_kinds_are_counted_for_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    cases = [Case(given=number, expected=number > 1, kind="small" if number < 3 else "large") for number in range(5)]
    print_kinds(cases, {"right": lambda number: number > 1, "never": lambda _: False})
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:4] == ["| small, 3 | 3 | 2 |", "| large, 2 | 2 | 0 |"]
    assert lines[4].startswith("| all | 5 of 5 (56.6% to 100.0%) | 2 of 5 (")


def test_datatrove_takes_another_number_for_a_copy_and_other_questions_for_none() -> None:
    same, finer = shares_bucket(), shares_bucket(n_grams=3, num_buckets=28, hashes_per_bucket=4)
    for judge in (same, finer):
        assert judge(STORY, STORY.replace("12", "40"))
        assert not judge(STORY, OTHER)
        assert not judge(STORY, "What?")
    assert shares_run([STORY])(f"First read this. {STORY}")
    assert not shares_run([STORY])(OTHER)


def test_rewrites_with_a_fault_are_never_preferred_and_the_others_are_kept() -> None:
    cases = list(preferences.rewrites())
    wrong = [case for case in cases if preferences.is_kept(case.given) != case.expected]
    assert {case.kind for case in wrong} <= {"half a sentence"}
    assert len(wrong) <= 5


def test_more_samples_find_more_of_the_band() -> None:
    shares = []
    for number in preferences.NUMBERS_OF_SAMPLES:
        preferred, every = preferences.measured(number)
        shares.append(sum(preferred) / len(preferred))
    assert [sum(every) / len(every), *shares] == sorted([sum(every) / len(every), *shares])


def test_every_form_of_a_file_is_read(tmp_path: Path) -> None:
    for number, (kind, form) in enumerate(imports.FORMS.items()):
        given = imports.written(form, tmp_path / str(number)), form[2]
        assert imports.imported(given) == form[3], kind


def test_both_figures_of_diversity_fall_as_a_generator_collapses() -> None:
    found = [diversity_of(diversity.written(share)) for share in diversity.SHARES]
    scores, clusters = [each.vendi_score for each in found], [each.largest_cluster for each in found]
    assert scores == sorted(scores, reverse=True)
    assert clusters == sorted(clusters)
    assert scores[0] > 1.5 * scores[2] > 10 * scores[-1]


def test_an_audit_looks_at_each_group_and_its_interval_holds_what_is_true(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "NUM_DRAWS", 30)
    audit.main()
    ours, plain = capsys.readouterr().out.splitlines()[2:]
    assert all(int(held) >= 0.9 * int(of) for held, of in re.findall(r"(\d+) of (\d+) \(", ours))
    assert "none in 0 of 30" in ours
    assert "none in 0 of 30" not in plain


def test_the_table_of_tiers_has_the_best_known_first(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        "sys.argv", ["tiers", "--engine", "scripted", "--model", "scripted:solver", "--num-questions", "40"]
    )
    tiers.main()
    rows = dict(re.findall(r"\| ([a-z][^|]*?) \| (\d+ of \d+)", capsys.readouterr().out))
    assert next(iter(rows)) == "verified"
    assert [*rows][-1] == "first sample"
    right, number = map(int, rows["verified"].split(" of "))
    assert right == number > 10
