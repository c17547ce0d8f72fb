from components.shared.model_imports import imports_of, named_in
from components.shared.passing_on import passed_on


def test_each_model_is_imported_once_and_checked_for_its_most_demanding_use() -> None:
    named = named_in(
        {
            "generators": [{"model": "a", "chat_template": "own"}, {"model": "b", "chat_template": "qwen2_math"}],
            "trained_generators": [{"model": "d", "chat_template": "deepseek_math_qgen"}],
            "solver": "a",
            "solver_chat_template": "alpaca",
            "difficulty_base": "a",
            "reward_model": "c",
            "seed": 7,
        }
    )
    imports = {each.source: each for each in imports_of(named)}
    assert sorted(imports) == ["a", "b", "c", "d"]
    assert (imports["a"].kind, imports["a"].named_by) == ("chat", "generators[0].model")
    assert (imports["b"].chat_template, imports["c"].kind) == ("qwen2_math", "base")
    assert (imports["d"].kind, imports["d"].named_by) == ("chat", "trained_generators[0].model")
    assert imports["d"].chat_template == "deepseek_math_qgen"


def test_a_served_model_and_one_that_is_not_given_are_none() -> None:
    assert imports_of(named_in({"solver": "openai:m", "judge": "", "rewriter": "openai:n"})) == []


def test_an_item_that_is_no_mapping_is_left_to_who_checks_the_list() -> None:
    assert imports_of(named_in({"generators": ["a", {"source": "x"}], "solvers": "nonsense"})) == []


def test_a_task_passes_on_what_is_given_or_what_stands_in_for_a_missing_model() -> None:
    assert passed_on({"model": "m", "result": "given"}) == "given"
    assert passed_on({"model": "m", "result": ""}) == ""
    assert passed_on({"model": "", "result_without_model": "questions"}) == "questions"
    assert passed_on({"model": "m", "result_without_model": "questions"}) == ""
