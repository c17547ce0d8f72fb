from __future__ import annotations

import json
import re
from typing import Any

import pytest

from components.compare_solvers.config import CompareSolversConfig
from components.compare_solvers.step import run
from components.shared.errors import InputError
from components.shared.records import Score
from components.shared.stores import storage
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from pipelines.show_command import show_folder
from tests.components.compare_solvers.evaluations import BASE, contamination, evaluations, train, write_evaluation
from tests.conftest import WriteRows

SCRIPT = "</pre><script>alert('pwned')</script>"
OTHER_BASE = BASE.replace("Base-1B", "Other-2B")


def compare(workspace: Workspace, after: list[str], before: list[str] | None = None, title: str = "Solvers") -> str:
    earlier = json.dumps(before) if before else ""
    config = CompareSolversConfig(workspace=workspace.uri, evaluations=json.dumps(after), before=earlier, title=title)
    return run(config, workspace)


def scores(workspace: Workspace, folder: str, origin: str = "run") -> dict[tuple[str, str, str], Score]:
    rows = [row for row in workspace.read(folder, Score) if row.origin == origin]
    found = {(row.model, row.benchmark, row.group): row for row in rows}
    assert len(found) == len(rows)
    return found


def page_of(folder: str) -> str:
    return storage.read_bytes(storage.join(folder, "report.html")).decode()


def test_a_table_has_each_model_on_each_benchmark_and_the_mean(workspace: Workspace) -> None:
    folder = compare(
        workspace,
        [
            write_evaluation(workspace, evaluations("+-cnf+", benchmark="chain_sum"), BASE),
            write_evaluation(workspace, evaluations("+++-", benchmark="lcm"), BASE),
            write_evaluation(workspace, evaluations("++++", benchmark="lcm"), "openai:served"),
        ],
    )
    found = scores(workspace, folder)
    assert {key[:2]: row.accuracy for key, row in found.items()} == {
        ("Base-1B", "chain_sum"): pytest.approx(1 / 3),
        ("Base-1B", "lcm"): 0.75,
        ("served", "lcm"): 1.0,
        ("Base-1B", ""): pytest.approx((1 / 3 + 0.75) / 2),  # the other has no mean: it lacks a benchmark
    }
    row = found["Base-1B", "chain_sum", ""]
    assert (row.share_cut_off, row.share_no_answer, row.share_unanswered) == (1 / 6, 1 / 6, 1 / 6)
    assert row.num_questions == 6
    assert row.accuracy_low == pytest.approx(0.0968, abs=1e-4)
    assert all(row.difference is None and not row.verdict for row in found.values())
    assert not scores(workspace, folder, "paper")
    assert "The paper" not in page_of(folder)


def test_a_solver_is_compared_with_the_model_that_it_was_trained_from(workspace: Workspace) -> None:
    first, second = train(workspace, BASE), train(workspace, OTHER_BASE)
    before = [write_evaluation(workspace, evaluations("-" * 20 + "+" * 80), base) for base in (OTHER_BASE, BASE)]
    after = [
        write_evaluation(workspace, evaluations("+" * 10 + "-" * 12 + "+" * 78), first),
        write_evaluation(workspace, evaluations("+" * 2 + "-" * 20 + "+" * 78), train(workspace, second)),
    ]
    folder = compare(workspace, after, before)
    found = scores(workspace, folder)
    better = found["Base-1B + train_sft", "gsm8k", ""]
    assert (better.before, better.num_paired, better.num_gained, better.num_lost) == ("Base-1B", 100, 10, 2)
    assert better.difference == pytest.approx(0.08)
    assert better.difference_error == pytest.approx(0.0337, abs=1e-4)
    assert better.p_value == pytest.approx(0.0386, abs=1e-4)
    assert better.p_value_holm == pytest.approx(0.0772, abs=2e-4)  # of two tests
    assert better.verdict == "may be luck"
    assert (better.draws_low or 0) < 0.08 < (better.draws_high or 0)
    same = found["Other-2B + train_sft + train_sft", "gsm8k", ""]
    assert (same.before, same.difference, same.p_value, same.verdict) == ("Other-2B", 0.0, 1.0, "may be luck")
    assert found["Base-1B", "gsm8k", ""].before == ""
    metrics = read_manifest(folder).metrics
    assert metrics["difference: gsm8k, Base-1B + train_sft"] == pytest.approx(0.08)
    assert metrics["accuracy: gsm8k, Base-1B"] == 0.8


@pytest.mark.parametrize(("flipped", "verdict"), [("+" * 12, "better"), ("-" * 12, "worse"), ("+" * 5, "may be luck")])
def test_a_gain_that_luck_rarely_gives_is_told_from_one_that_it_may_give(
    workspace: Workspace, flipped: str, verdict: str
) -> None:
    before = ("-" if flipped[0] == "+" else "+") * len(flipped)
    folder = compare(
        workspace,
        [write_evaluation(workspace, evaluations(flipped + "-" * 50), train(workspace, BASE))],
        [write_evaluation(workspace, evaluations(before + "-" * 50), BASE)],
    )
    assert scores(workspace, folder)["Base-1B + train_sft", "gsm8k", ""].verdict == verdict


def test_the_papers_figures_stand_beside_and_are_marked(workspace: Workspace) -> None:
    names = ("gsm8k", "math", "college_math", "olympiadbench")
    after = [write_evaluation(workspace, evaluations("+-+-", benchmark=name), BASE) for name in names]
    folder = compare(workspace, after)
    printed = scores(workspace, folder, "paper")
    qwen = {benchmark: row.accuracy for (model, benchmark, _), row in printed.items() if model[-13:] == "Qwen2-Math-7B"}
    assert qwen == pytest.approx(
        {"gsm8k": 0.897, "math": 0.734, "college_math": 0.5, "olympiadbench": 0.385, "": 0.629}
    )
    assert all(row.difference is None and row.accuracy_low is None for row in printed.values())
    page = page_of(folder)
    assert "Another program made them" in page
    assert "gsm8k: 1,319 questions in the paper, 4 here." in page


def test_subjects_and_levels_have_figures_and_no_test(workspace: Workspace) -> None:
    subjects = ("Algebra", "Geometry")
    folder = compare(
        workspace,
        [write_evaluation(workspace, evaluations("++" * 20, subjects=subjects), train(workspace, BASE))],
        [write_evaluation(workspace, evaluations("+-" * 20, subjects=subjects), BASE)],
    )
    found = scores(workspace, folder)
    assert {group: row.accuracy for (model, _, group), row in found.items() if model == "Base-1B"} == {
        "": 0.5,
        "Algebra": 1.0,
        "Geometry": 0.0,
    }
    geometry = found["Base-1B + train_sft", "gsm8k", "Geometry"]
    assert (geometry.group_by, geometry.difference, geometry.p_value, geometry.verdict) == ("subject", 1.0, None, "")
    assert "by subject" in page_of(folder)


def test_several_samples_are_means_with_draws_and_never_compared_with_greedy_scores(workspace: Workspace) -> None:
    sampled, greedy = ["++--"] * 40 + ["----"] * 60, "+" * 40 + "-" * 60
    solver = train(workspace, BASE)
    before = [
        write_evaluation(workspace, evaluations(marks), BASE) for marks in (["+---"] * 40 + ["----"] * 60, greedy)
    ]
    folder = compare(workspace, [write_evaluation(workspace, evaluations(sampled), solver)], before)
    row = scores(workspace, folder)["Base-1B + train_sft, mean of 4 samples", "gsm8k", ""]
    assert (row.accuracy, row.before, row.num_samples) == (0.2, "Base-1B, mean of 4 samples", 4)
    assert row.difference == pytest.approx(0.1)
    assert (row.p_value, row.verdict) == (None, "better")
    with pytest.raises(InputError, match="--before has no model with --num-samples 4"):
        compare(workspace, [write_evaluation(workspace, evaluations(sampled), solver)], before[1:])


def test_figures_beside_the_accuracy_stand_where_they_say_something(workspace: Workspace) -> None:
    sampled, greedy = ["+++-"] * 2 + ["+---"] * 3 + ["--u?"] * 5, "+" * 5 + "u?-nu"
    solver = train(workspace, BASE)
    plain = write_evaluation(workspace, evaluations("+-" * 5), BASE)
    marked = [write_evaluation(workspace, evaluations(marks), solver) for marks in (sampled, greedy)]
    folder = compare(workspace, [plain, *marked])
    found = {
        model: (row.accuracy, row.accuracy_lenient, row.share_not_compared, row.pass_at_k, row.majority)
        for (model, benchmark, _), row in scores(workspace, folder).items()
        if benchmark == "gsm8k" and row.origin == "run"
    }
    assert found == {
        "Base-1B": (0.5, 0.5, 0, None, None),
        "Base-1B + train_sft": (0.5, 0.7, 0.1, None, None),
        "Base-1B + train_sft, mean of 4 samples": (0.225, 0.35, 0.125, 0.5, 0.2),
    }
    page = page_of(folder)
    for shown in ("box or not 70.0", "box or not 35.0", "not compared 12.5", "pass@4 50.0", "majority of 4 20.0"):
        assert page.count(shown) == 1
    assert "pass@1" not in page
    assert page.count("box or not ") == 2  # not where it is the accuracy


def test_questions_that_one_of_the_two_was_not_asked_are_left_out_of_the_pair(workspace: Workspace) -> None:
    rows = evaluations("-+" * 10)
    before = write_evaluation(workspace, rows, BASE, rejected=[rows[0].id])
    after = write_evaluation(workspace, evaluations("++" * 10), train(workspace, BASE), rejected=[rows[1].id])
    found = scores(workspace, compare(workspace, [after], [before]))
    row = found["Base-1B + train_sft", "gsm8k", ""]
    assert (row.num_questions, row.num_paired, row.num_gained) == (19, 18, 9)


@pytest.mark.parametrize(
    ("before", "after", "number", "texts", "verdict"),
    [
        ("+---", "++--", 200, {}, "better"),
        ("+--", "++-", 200, {}, "better"),  # thirds: no exact numbers
        ("----", "++++", 20, {}, "better"),
        ("++--", "+---", 20, {}, "worse"),
        ("----", "++++", 5, {}, "may be luck"),  # 5 coins fall alike once in 16 times
        ("----", "++++", 20, dict.fromkeys(range(20), "What?"), "may be luck"),  # one question, 20 times
        ("+---", "+---", 20, {}, "may be luck"),
    ],
)
def test_a_change_that_is_the_same_for_all_questions_has_a_verdict_and_no_interval(
    workspace: Workspace, before: str, after: str, number: int, texts: dict[int, str], verdict: str
) -> None:
    solver, names = train(workspace, BASE), ("chain_sum", "lcm")
    was, now = (
        [write_evaluation(workspace, evaluations([marks] * number, benchmark=name, texts=texts), model)
         for name in names]
        for marks, model in ((before, BASE), (after, solver))
    )  # fmt: skip
    alone = compare(workspace, now[:1], was[:1])
    both = compare(workspace, now, was)
    rows = [row for folder in (alone, both) for row in scores(workspace, folder).values() if row.before]
    assert [row.benchmark for row in rows] == ["chain_sum", "chain_sum", "lcm", ""]
    single, *_, mean = rows
    assert single.difference == mean.difference == pytest.approx((after.count("+") - before.count("+")) / len(after))
    assert (single.verdict, single.difference_low, single.draws_low) == (verdict, None, None)
    assert (mean.difference_low, mean.draws_low) == (None, None)
    assert mean.verdict == (verdict if number > 5 or verdict != "may be luck" else "better")  # of 10 questions
    assert "all questions changed alike" in page_of(both) or single.difference == 0


def test_a_mean_over_a_benchmark_without_a_common_question_has_no_difference(workspace: Workspace) -> None:
    common, apart = evaluations("+-+-", benchmark="lcm"), evaluations("+-", benchmark="gsm8k")
    solver = train(workspace, BASE)
    before = [
        write_evaluation(workspace, common, BASE),
        write_evaluation(workspace, apart, BASE, rejected=[apart[0].id]),
    ]
    after = [
        write_evaluation(workspace, common, solver),
        write_evaluation(workspace, apart, solver, rejected=[apart[1].id]),
    ]
    found = scores(workspace, compare(workspace, after, before))
    name = "Base-1B + train_sft"
    assert found[name, "lcm", ""].difference == 0
    assert (found[name, "gsm8k", ""].difference, found[name, "gsm8k", ""].accuracy) == (None, 1.0)
    assert (found[name, "", ""].difference, found[name, "", ""].before) == (None, "")
    assert found[name, "", ""].accuracy == 0.75


def test_evaluations_of_other_questions_are_no_pair(workspace: Workspace) -> None:
    before = write_evaluation(workspace, evaluations("-" * 10), BASE)
    solver = train(workspace, BASE)
    for other, message in [
        (evaluations("+" * 9), "1 questions of gsm8k that .* lacks \\(gsm8k-00009, …\\)"),
        (
            evaluations("+" * 10, texts={3: "What else?"}),
            "the question gsm8k-00003 of gsm8k, or its known answer, differs",
        ),
        (evaluations("+" * 10, benchmark="math"), "--before has none of the benchmarks"),
    ]:
        with pytest.raises(InputError, match=message):
            compare(workspace, [write_evaluation(workspace, other, solver)], [before])
    assert not storage.exists(storage.join(workspace.uri, "compare_solvers"))


def test_a_model_that_was_trained_elsewhere_is_compared_with_the_only_one(workspace: Workspace) -> None:
    after = write_evaluation(workspace, evaluations("+" * 10), "openai:ours")
    before = [write_evaluation(workspace, evaluations("-" * 10), base) for base in (BASE, OTHER_BASE)]
    found = scores(workspace, compare(workspace, [after], before[:1]))
    assert found["ours", "gsm8k", ""].before == "Base-1B"
    with pytest.raises(InputError, match=r"--before has 2 models .* was trained from none of them"):
        compare(workspace, [after], before)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"num_examples": 3}, "num_examples"),
        ({"prompt_file": "prompt:olympiadbench"}, "prompt_file"),
        ({"chat_template": "alpaca", "num_examples": 1}, "chat_template, num_examples"),
    ],
)
def test_other_settings_of_the_two_are_named(workspace: Workspace, given: dict[str, Any], named: str) -> None:
    after = write_evaluation(workspace, evaluations("+" * 10), train(workspace, BASE))
    before = write_evaluation(workspace, evaluations("-" * 10), BASE, **given)
    folder = compare(workspace, [after], [before])
    assert scores(workspace, folder)["Base-1B + train_sft", "gsm8k", ""].settings == named
    assert f"other settings: {named}" in page_of(folder)


def test_a_model_that_was_asked_by_two_templates_has_two_columns(workspace: Workspace) -> None:
    solver = train(workspace, BASE)
    before, after = (
        [write_evaluation(workspace, evaluations(marks), model, chat_template=name) for name in ("own", "alpaca")]
        for marks, model in (("-" * 10, BASE), ("+" * 10, solver))
    )
    found = scores(workspace, compare(workspace, after, before))
    pairs = {model: (row.before, row.settings) for (model, *_), row in found.items() if row.before}
    assert pairs == {
        f"Base-1B + train_sft, template {name}": (f"Base-1B, template {name}", "") for name in ("own", "alpaca")
    }


def test_the_same_question_twice_by_one_model_is_refused(workspace: Workspace) -> None:
    twice = [write_evaluation(workspace, evaluations("+" * 3), BASE, num_examples=number) for number in (0, 1)]
    with pytest.raises(InputError, match=r"both have answers of .*Base-1B.* to the question gsm8k-00000"):
        compare(workspace, twice)


def test_the_same_models_before_and_after_are_refused(workspace: Workspace) -> None:
    evaluation = write_evaluation(workspace, evaluations("+-"), BASE)
    with pytest.raises(InputError, match="has no answers, or only answers of models that --before has too"):
        compare(workspace, [evaluation], [evaluation])


def test_models_of_one_name_are_told_apart(workspace: Workspace) -> None:
    models = ("hf://one/Base@" + "1" * 40, "hf://two/Base@" + "2" * 40)
    folder = compare(workspace, [write_evaluation(workspace, evaluations("+-"), model) for model in models])
    names = {model for model, *_ in scores(workspace, folder)}
    assert len(names) == 2
    assert all(re.fullmatch(r"Base \(.{1,8}\)", name) for name in names)


def test_solvers_of_one_base_are_called_by_what_differs_in_their_training(workspace: Workspace) -> None:
    solvers = [train(workspace, BASE, learning_rate=rate, seed=3) for rate in (1e-5, 0.001)]
    folder = compare(workspace, [write_evaluation(workspace, evaluations("+-"), model) for model in solvers])
    names = {model for model, *_ in scores(workspace, folder)}
    assert names == {f"Base-1B + train_sft (learning_rate {rate})" for rate in ("1e-05", "0.001")}


def test_questions_in_the_training_rows_have_scores_apart(workspace: Workspace, write_rows: WriteRows) -> None:
    before, after = evaluations("-" * 10 + "+" * 10), evaluations("+" * 5 + "-" * 5 + "+" * 10)
    found = write_rows(workspace, contamination(before, dirty=range(5), short=(18, 19)))
    config = CompareSolversConfig(
        workspace=workspace.uri,
        evaluations=write_evaluation(workspace, after, train(workspace, BASE)),
        before=write_evaluation(workspace, before, BASE),
        contamination=found,
    )
    folder = run(config, workspace)
    rows = {(row.model, row.group_by): row for row in workspace.read(folder, Score) if row.group == "ngram_13"}
    assert {key: (row.num_questions, row.accuracy, row.difference) for key, row in rows.items()} == {
        ("Base-1B", "without_dirty"): (15, pytest.approx(2 / 3), None),
        ("Base-1B", "dirty"): (5, 0.0, None),
        ("Base-1B", "not_testable"): (2, 1.0, None),
        ("Base-1B + train_sft", "without_dirty"): (15, pytest.approx(2 / 3), 0.0),
        ("Base-1B + train_sft", "dirty"): (5, 1.0, 1.0),
        ("Base-1B + train_sft", "not_testable"): (2, 1.0, 0.0),
    }
    assert all(row.p_value is None and not row.verdict for row in rows.values())
    page = " ".join(page_of(folder).split())
    assert "dirty alone 100.0" in page
    assert '<td class="number" data-label="not testable">2</td>' in page
    assert show_folder(folder, 0) == 0


def test_contamination_of_other_questions_is_refused(workspace: Workspace, write_rows: WriteRows) -> None:
    rows = evaluations("+-" * 5)
    evaluation = write_evaluation(workspace, rows, BASE)
    for given, message in [
        (contamination(rows[:7], dirty=()), "--contamination lacks 3 questions of gsm8k"),
        (contamination(evaluations("+-", benchmark="math"), dirty=()), "--contamination is of math; expected one of"),
        (contamination([*rows, rows[0]], dirty=()), "has the question gsm8k-00000 of gsm8k twice"),
    ]:
        found = write_rows(workspace, given)
        config = CompareSolversConfig(workspace=workspace.uri, evaluations=evaluation, contamination=found)
        with pytest.raises(InputError, match=message):
            run(config, workspace)


def test_names_cannot_become_markup_and_the_page_loads_nothing(workspace: Workspace) -> None:
    rows = evaluations("+-", benchmark=SCRIPT, subjects=(SCRIPT,))
    folder = compare(workspace, [write_evaluation(workspace, rows, "openai:<b>m</b>")], title=SCRIPT)
    page = page_of(folder)
    assert "<script" not in page.lower()
    assert "<b>m" not in page
    assert "&lt;script&gt;alert" in page
    assert not any(marker in page for marker in ("http://", "https://", "src=", "@import", "url("))


@pytest.mark.parametrize("lost", [["_manifest.json"], ["_manifest.json", "report.html", "part-00000.parquet"]])
def test_a_killed_step_ends_in_the_same_folder(workspace: Workspace, lost: list[str]) -> None:
    after, before = (
        write_evaluation(workspace, evaluations("++-" * 9), train(workspace, BASE)),
        [write_evaluation(workspace, evaluations("+--" * 9), BASE)],
    )
    folder = compare(workspace, [after], before)
    page, parts = page_of(folder), read_manifest(folder).parts
    for name in lost:
        storage.local_path(storage.join(folder, name)).unlink()
    assert compare(workspace, [after], before) == folder
    assert (page_of(folder), read_manifest(folder).parts) == (page, parts)
    manifest = read_manifest(folder)
    assert (manifest.rows_in, manifest.rejected) == (manifest.rows_out, {})
