import dataclasses
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from components.shared.config import info_of, options_of
from components.shared.config.values import STEP_OPTIONS, text_of
from components.shared.errors import InputError
from components.steps import config_of
from pipelines import compiled_pipeline, preset_files
from pipelines.arguments import prepare_run
from pipelines.compiled_pipeline import LATER, PlannedStep
from pipelines.parameters import all_parameters, default_of
from pipelines.preset_files import PRESETS, check_step_defaults, preset_names, read_preset

OF_PIPELINE = {
    "scalequest": {"train_sft", "train_dpo", "generate_questions", "package_dataset"},
    "train_solver": {"import_questions", "train_sft", "evaluate"},
    "answer_questions": {"import_questions", "generate_responses", "select_responses", "package_dataset"},
}
LEFT_OPEN = {"answer": {"questions": "mine.jsonl", "solver": "hf://org/name@main"}}  # by a preset, to its user


@pytest.mark.parametrize("preset", preset_names())
def test_every_value_of_every_preset_is_accepted_by_the_pipeline_and_its_steps(preset: str, tmp_path: Path) -> None:
    run = prepare_run(preset, [f"{name}={value}" for name, value in LEFT_OPEN.get(preset, {}).items()], str(tmp_path))
    assert OF_PIPELINE[run.pipeline.name] <= {step.name for step in run.steps}


@pytest.mark.parametrize("preset", preset_names())
def test_a_preset_gives_every_parameter_a_value_that_has_none_of_its_own(preset: str) -> None:
    values = read_preset(preset)
    parameters = compiled_pipeline.find(values["pipeline"]).parameters
    open_by_itself = {name for name, each in all_parameters().items() if default_of(each) is dataclasses.MISSING}
    assert (set(parameters) - set(values)) & open_by_itself == {"workspace", *LEFT_OPEN.get(preset, {})}


@pytest.mark.parametrize("preset", ["laptop", "paper", "smoke"])
def test_every_preset_of_the_whole_figure_names_two_generators_or_is_the_smoke_run(preset: str) -> None:
    assert len(read_preset(preset)["generators"]) == (1 if preset == "smoke" else 2)


@pytest.mark.parametrize("preset", ["answer", "paper", "solver-paper"])
def test_every_value_of_the_paper_has_its_source_behind_it(preset: str) -> None:
    lines = (preset_files.PRESETS / f"{preset}.yaml").read_text().splitlines()
    values = [line for line in lines if ": " in line and not line.lstrip().startswith(("#", "- {", "pipeline:"))]
    assert values
    assert [line for line in values if "  # " not in line] == []


def test_a_default_that_is_a_whole_number_is_given_as_one(tmp_path: Path) -> None:
    run = prepare_run("smoke", [], str(tmp_path))
    assert isinstance(run.arguments["generator_num_questions"], int), "kfp takes no 1.0 for it"


@pytest.mark.parametrize("pods", ["1", "8", "2..16"])
def test_a_step_is_one_task_however_many_pods_share_it(pods: str, tmp_path: Path) -> None:
    run = prepare_run("smoke", [f"pods={pods}"], str(tmp_path))
    assert run.arguments["pods"] == pods
    assert [step.options["pods"] for step in run.steps if step.name == "generate_responses"] == [pods]


def test_each_step_with_a_model_of_ours_is_told_of_profile_and_pods_and_trainings_of_no_pods(tmp_path: Path) -> None:
    steps = prepare_run("smoke", ["pods=3"], str(tmp_path)).steps
    told = {step.name: (step.options.get("profile"), step.options.get("pods")) for step in steps}
    asking = {"generate_questions", "build_preferences", "filter_solvability", "measure_fail_rate"}
    asking |= {"score_difficulty", "generate_responses", "score_responses"}
    training = {"train_sft", "train_dpo", "train_scorer"}
    assert told == {
        step: (LATER, "3") if step in asking else (LATER, "1") if step in training else (None, None) for step in told
    }
    assert asking | training <= set(told)


def test_each_generator_writes_under_its_own_name(tmp_path: Path) -> None:
    steps = prepare_run("laptop", [], str(tmp_path)).steps
    names = [step.options["generator"] for step in steps if step.name == "generate_questions"]
    assert sorted(names) == sorted([entry["source"] for entry in read_preset("laptop")["generators"]] * 2)


def test_a_given_reward_model_is_imported_and_none_is_trained(tmp_path: Path) -> None:
    def rewards_trained(setting: str) -> int:
        steps = prepare_run("smoke", [setting], str(tmp_path)).steps
        rewards = [step for step in steps if step.name == "train_scorer" and step.options["target"] == "reward"]
        return sum(not step.passes_on for step in rewards)

    assert rewards_trained("reward_model=random:llama") == 0
    assert rewards_trained("reward_model=") == 1


def test_each_solver_has_its_own_template_and_learning_rate_and_is_asked_as_before(tmp_path: Path) -> None:
    steps = prepare_run("solver-paper", [], str(tmp_path)).steps
    trainings = [step.options for step in steps if step.name == "train_sft"]
    assert [(each["chat_template"], each["learning_rate"]) for each in trainings] == [
        ("alpaca", 1e-5), ("alpaca", 5e-5), ("deepseek_math", 5e-5), ("qwen2_math", 1e-5),
    ]  # fmt: skip
    asked = sorted(step.options["chat_template"] for step in steps if step.name == "evaluate")
    assert asked == sorted(2 * [each["chat_template"] for each in trainings])


def test_the_whole_figure_ends_in_solvers_if_there_are_any(tmp_path: Path) -> None:
    solver = "{source: a, model: 'random:llama', chat_template: alpaca, learning_rate: 1.0e-3}"
    none, one = (prepare_run("smoke", [f"solvers=[{given}]"], str(tmp_path)).steps for given in ("", solver))
    assert none[-1].name == "package_dataset"
    assert [step.name for step in one[len(none) :]][-1] == "compare_solvers"
    assert sum(step.name == "evaluate" for step in one) == 2


def test_no_solver_is_scored_on_questions_that_it_learnt_from(tmp_path: Path) -> None:
    steps = prepare_run("solver-smoke", [], str(tmp_path)).steps
    seeds = {bool(step.options["response_column"]): step.options["seed"] for step in steps if "import_q" in step.name}
    assert seeds[True] != seeds[False]


def imported(*settings: str, preset: str = "smoke", pipeline: str = "") -> list[str]:
    """Return the sources of the models that a run imports."""
    steps = prepare_run(preset, settings, "runs", pipeline).steps
    return [step.options["source"] for step in steps if step.name == "import_model"]


def test_a_rewriter_at_an_endpoint_is_not_imported() -> None:
    assert imported("rewriter=openai:x", "rewriter_endpoint=http://127.0.0.1:1/v1") == ["random:llama"]


@pytest.mark.parametrize("preset", ["laptop", "paper", "smoke"])
def test_each_model_is_imported_once_however_often_it_is_used(preset: str) -> None:
    sources = imported(preset=preset)
    assert Counter(sources).most_common(1)[0][1] == 1
    assert {each["model"] for each in read_preset(preset)["generators"]} <= set(sources)


def test_a_preset_without_a_released_file_runs_with_its_own_values_and_not_with_the_papers() -> None:
    run = prepare_run("laptop", [], "runs")
    assert run.arguments[STEP_OPTIONS] == ""
    tuned, *_ = [step.options for step in run.steps if step.name == "train_sft"]
    assert (tuned["epochs"], tuned["learning_rate"], tuned["batch_size"]) == (1, 2e-4, 8)
    (kept,) = [step.options for step in run.steps if step.name == "sample_difficulty"]
    assert kept["sources"] == "", "paper.yaml names one, laptop.yaml none"


def own_preset(folder: Path, *added: str) -> str:
    """Write a preset of one's own: the smoke run's with other lines; return its path."""
    values = yaml.safe_load((PRESETS / "smoke.yaml").read_text(encoding="utf-8"))
    for line in added:
        values |= yaml.safe_load(line)
    (path := folder / "mine.yaml").write_text(yaml.safe_dump(values), encoding="utf-8")
    return str(path)


def test_a_preset_that_measures_its_preferences_runs_those_steps(tmp_path: Path) -> None:
    run = prepare_run(own_preset(tmp_path, "pair_questions.min_fail_rate: 0.5"), [], "runs")
    (paired,) = [step for step in run.steps if step.name == "pair_questions"]
    assert paired.options["min_fail_rate"] == 0.5
    assert "build_preferences" not in {step.name for step in run.steps}


def test_a_preset_that_has_paraphrases_judged_asks_the_solver_behind_decontaminate(tmp_path: Path) -> None:
    run = prepare_run(own_preset(tmp_path, "judge_paraphrases.num_nearest: 3"), [], "runs")
    (judged,) = [step for step in run.steps if step.name == "judge_paraphrases"]
    (solvable,) = [step for step in run.steps if step.name == "filter_solvability"]
    assert judged.options["num_nearest"] == 3
    assert judged.options["model"] == solvable.options["model"]
    order = [step.name for step in run.steps]
    assert order.index("decontaminate") < order.index("judge_paraphrases") < order.index("filter_solvability")
    assert "judge_paraphrases" not in {step.name for step in prepare_run("smoke", [], "runs").steps}


def test_a_preset_without_benchmarks_takes_nothing_out_and_refuses_benchmarks_of_a_command(tmp_path: Path) -> None:
    mine = own_preset(tmp_path, "benchmarks: []", "solvers: []")
    assert "decontaminate" not in {step.name for step in prepare_run(mine, [], "runs").steps}
    one = "benchmarks=[{source: 'reasoning-gym:chain_sum', question_column: question, answer_column: answer}]"
    with pytest.raises(InputError, match="is compiled for a preset with benchmarks: \\[\\]"):
        prepare_run(mine, [one], "runs")


def test_solvers_without_benchmarks_are_refused(tmp_path: Path) -> None:
    mine = own_preset(tmp_path, "benchmarks: []")
    with pytest.raises(InputError, match="leaves nothing to score solvers on"):
        prepare_run(mine, [f"solvers=[{SOLVER.format('one')}]"], "runs")


@pytest.mark.parametrize(
    ("gate", "has"),
    [
        ("deduplicate cut_off <= 0.3 stop", "it has kept, duplicates, diversity"),
        ("generate_responses duplicates <= 0.3 warn", "it has kept, cut_off, refusals"),
        ("score_responses agreement >= 0.3 stop", "it has kept"),
        ("train_sft kept >= 0.3 stop", "it has no figure at all: it makes a model"),
    ],
)
def test_a_gate_that_would_never_close_is_refused_with_the_figures_that_there_are(gate: str, has: str) -> None:
    with pytest.raises(InputError) as refused:
        prepare_run("smoke", [f"gates=generate_questions duplicates <= 0.5; {gate}"], "runs")
    step, figure, *_ = gate.split()
    assert str(refused.value) == f"gates: {gate!r} would never close: {step} has no {figure!r}; {has}"


@pytest.mark.parametrize("preset", preset_names())
def test_the_form_of_a_compiled_file_and_the_command_take_the_same_steps(preset: str) -> None:
    """Whatever is left as it is: the same options, so the same folders."""
    given = LEFT_OPEN.get(preset, {})
    run = prepare_run(preset, [f"{name}={value}" for name, value in given.items()], "runs", "", {"profile": ""})
    form = compiled_pipeline.find(run.pipeline.name, preset)
    if form.preset != preset:
        pytest.skip("not released")
    by_form = form.planned_steps({"workspace": "runs", **given})
    assert [(step.name, options_of_rows(step)) for step in by_form] == [
        (step.name, options_of_rows(step)) for step in run.steps
    ]


def options_of_rows(step: PlannedStep) -> dict[str, str]:
    """Return a step's options as its command reads them, whatever kind of number Kubeflow makes of them."""
    names = {field.name for field in options_of(config_of(step.name))}
    return {name: text_of(value) for name, value in step.options.items() if name in names and value is not LATER}


SOLVER = "{{source: {}, model: 'random:llama', chat_template: own, learning_rate: 1e-5}}"


@pytest.mark.parametrize(
    ("preset", "settings", "message"),
    [
        ("nope", [], "unknown preset 'nope'; expected one of answer, "),
        ("smoke", ["options={}"], "--set options: give --set STEP.OPTION=VALUE instead"),
        ("smoke", ["dedup.x=1"], "dedup.x: unknown step 'dedup'; did you mean 'deduplicate'?"),
        ("smoke", ["deduplicate.min=1"], "deduplicate has no option 'min'; expected one of min_similarity, rows_per_"),
        ("smoke", ["deduplicate.min_similarty=1"], "has no option 'min_similarty'; did you mean 'min_similarity'?"),
        ("smoke", ["deduplicate.min_similarity=x"], "deduplicate.min_similarity: --min-similarity 'x' is not accepted"),
        ("smoke", ["deduplicate.min_similarity=7"], "deduplicate.min_similarity 7.0 is out of range; expected 0.5"),
        ("smoke", ["filter_language.questions=x"], "the pipeline gives each task of filter_language its own questions"),
        ("smoke", ["train_sft.workspace=x"], "its own workspace; a run cannot set it"),
        ("smoke", ["train_sft.seed=1"], "its own seed; a run cannot set it; give --set seed=VALUE"),
        ("smoke", ["seed"], "--set 'seed' has no '='; expected name=value"),
        ("smoke", ["questions=3"], "unknown parameter 'questions'; did you mean 'seed_questions'?"),
        (
            "smoke",
            ["generator_num_questions=many"],
            "parameter generator_num_questions: 'many' is not accepted; expected a whole number",
        ),
        (
            "smoke",
            ["generator_num_questions=true"],
            "parameter generator_num_questions: True is not accepted; expected a whole number",
        ),
        (
            "smoke",
            ["qft.learning_rate=fast"],
            "qft.learning_rate: --learning-rate 'fast' is not accepted; expected a number",
        ),
        ("smoke", ["generators=one"], "parameter generators: 'one' is not accepted; expected a list of"),
        ("smoke", ["generators=[]"], "parameter generators: [] is not accepted; expected a list of at least one item"),
        ("smoke", ["xyz=2"], "unknown parameter 'xyz'; `scalequest parameters PRESET` lists all"),
        ("smoke", ["generators=["], "--set generators: '[' is not a valid value"),
        ("smoke", ["generators=&a [*a]"], "--set generators: '&a [*a]' is not a valid value: expected a number, text"),
        ("smoke", ["seed=2026-13-45"], "parameter seed: '2026-13-45' is not accepted; expected a whole number"),
        ("smoke", ["seed="], "parameter seed has no value; expected a whole number"),
        ("smoke", ["pods=0"], "pods '0' is not accepted; expected a number from 1 to 256, or a range of them such as"),
        ("smoke", ["pods=257"], "pods '257' is not accepted; expected a number from 1 to 256"),
        ("smoke", ["num_pods=2"], "unknown parameter 'num_pods'; did you mean 'pods'?"),
        ("smoke", ["profile=gke-a100-80g"], "--set profile: only a cluster makes Jobs; give --profile of `scalequest"),
        ("smoke", ["solver_num_responses=0"], "solver_num_responses 0 is out of range; expected at least 1"),
        ("smoke", ["engine=gpt"], "parameter engine: 'gpt' is not accepted; expected one of vllm, scripted"),
        (
            "smoke",
            ["solver_chat_template=x"],
            "parameter solver_chat_template: 'x' is not accepted; expected one of own, alpaca, ",
        ),
        ("smoke", ["solver=hf://org/name"], "solver: 'hf://org/name' is not an address of a model on the hub"),
        (
            "smoke",
            ["seed_questions=[{source: hf://datasets/org/name/a.csv, question_column: q, answer_column: a}]"],
            "seed_questions[0].source: 'hf://datasets/org/name/a.csv' is not an address of a dataset on the hub",
        ),
        (
            "smoke",
            ["generators=[{source: a, model: b}]"],
            "generators: {'source': 'a', 'model': 'b'} has to be a mapping",
        ),
        (
            "solver-smoke",
            ["solvers=[{source: a, model: 'random:llama', chat_template: own, learning_rate: '1e-5'}]"],
            "'learning_rate': '1e-5'} has to be a mapping with the number 'learning_rate', such as 1.0e-5",
        ),
        (
            "solver-smoke",
            ["solvers=[{source: a, model: 'random:llama', chat_template: x, learning_rate: 1e-5}]"],
            "solvers[0].chat_template 'x' is not accepted; expected one of own, alpaca, ",
        ),
        (
            "solver-smoke",
            ["solvers=[{source: a, model: 'random:llama', chat_template: own, learning_rate: 1e400}]"],
            "solvers[0].learning_rate inf is not accepted; expected a finite number",
        ),
        (
            "solver-smoke",
            [f"solvers=[{', '.join([SOLVER.format('a'), SOLVER.format('b'), SOLVER.format('a')])}]"],
            "solvers: the source a is there more than once; give each a name of its own",
        ),
        (
            "solver-smoke",
            ["evaluate.prompt_file=prompt:none"],
            "there is no prompt 'none'; expected one of prompt:solve, prompt:olympiadbench, prompt:benchmarks, or the",
        ),
    ],
)
def test_bad_input_is_explained(preset: str, settings: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepare_run(preset, settings, str(tmp_path))
    assert message in str(caught.value)


@pytest.mark.parametrize("rate", ["1e-4", "1E-4", "+1.e-4", ".1e-3", "1.0e-4", "0.0001"])
def test_a_number_may_be_written_in_each_usual_way(rate: str, tmp_path: Path) -> None:
    solver = f"solvers=[{{source: a, model: 'random:llama', chat_template: own, learning_rate: {rate}}}]"
    run = prepare_run("solver-smoke", [solver], str(tmp_path))
    assert [step.options["learning_rate"] for step in run.steps if step.name == "train_sft"] == [0.0001]
    run = prepare_run("smoke", [f"qft.learning_rate={rate}", "generator_num_questions=20"], str(tmp_path))
    assert [step.options["learning_rate"] for step in run.steps if step.name == "train_sft"] == [0.0001]
    assert run.arguments["generator_num_questions"] == 20


def test_every_option_that_is_not_wired_can_be_set_for_its_step(tmp_path: Path) -> None:
    settings = [
        f"{step}.{field.name}={text_of(field.default)}"
        for step in compiled_pipeline.find("scalequest").steps
        for field in options_of(config_of(step))
        if info_of(field).is_settable and field.default is not dataclasses.MISSING
    ]
    assert len(settings) > 100
    passed = json.loads(prepare_run("smoke", settings, str(tmp_path)).arguments[STEP_OPTIONS])
    assert sum(map(len, passed.values())) == len(settings)


def test_what_a_person_sets_for_a_step_goes_before_what_the_pipeline_passes(tmp_path: Path) -> None:
    settings = ["deduplicate.min_similarity=0.7", "generate_responses.num_samples=7", "solver_num_responses=3"]
    run = prepare_run("smoke", settings, str(tmp_path))
    options = {step.name: step.options for step in run.steps}
    assert options["deduplicate"]["min_similarity"] == 0.7
    assert options["generate_responses"]["num_samples"] == 7
    assert json.loads(run.arguments[STEP_OPTIONS]) == {
        "deduplicate": {"min_similarity": 0.7},
        "generate_responses": {"num_samples": 7},
    }


def test_nothing_set_for_a_step_is_nothing_passed(tmp_path: Path) -> None:
    assert prepare_run("smoke", [], str(tmp_path)).arguments[STEP_OPTIONS] == ""


def test_a_preset_of_ones_own_can_set_an_option_of_a_step_for_the_pipelines_that_have_it(tmp_path: Path) -> None:
    smoke = (preset_files.PRESETS / "smoke.yaml").read_text(encoding="utf-8")
    (own := tmp_path / "own.yaml").write_text(f"{smoke}\ndeduplicate.min_similarity: 0.7\n", encoding="utf-8")

    def planned(settings: list[str], pipeline: str = "") -> list[float]:
        steps = prepare_run(str(own), settings, str(tmp_path), pipeline).steps
        return [step.options["min_similarity"] for step in steps if step.name == "deduplicate"]

    assert planned([]) == [0.7]
    assert planned(["deduplicate.min_similarity=0.6"]) == [0.6]
    assert planned([], "train_question_generator") == []
    with pytest.raises(InputError, match=r"deduplicate: train_question_generator has no such step"):
        planned(["deduplicate.min_similarity=0.6"], "train_question_generator")


def test_a_preset_without_a_parameter_that_has_no_default_is_explained() -> None:
    with pytest.raises(InputError, match=r"the preset has no value for .*num_responses.*; add --set name=value"):
        prepare_run("solver-laptop", [], "runs", "answer_questions")


def test_a_stated_default_that_the_step_does_not_have_is_explained() -> None:
    with pytest.raises(InputError, match=r"step_defaults: train_dpo beta is 0.1, the preset says 0.2"):
        check_step_defaults({"train_dpo": {"beta": 0.2}})


def test_one_column_of_the_figure_takes_the_values_of_the_preset_that_it_has(tmp_path: Path) -> None:
    run = prepare_run("smoke", [], str(tmp_path), "train_question_generator")
    assert {step.name for step in run.steps} == {
        "import_model",
        "import_questions",
        "train_sft",
        "generate_questions",
        "build_preferences",
        "train_dpo",
    }
    assert [step.options["batch_size"] for step in run.steps if step.name == "train_sft"] == [8]
    assert "solver" not in run.arguments


def test_a_pipeline_that_there_is_not_is_refused_with_those_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="unknown pipeline 'nope'; expected one of answer_questions, "):
        prepare_run("smoke", [], str(tmp_path), "nope")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["solver="], "solver is empty; filter_solvability needs a value for model"),
        (["workspace=elsewhere"], "--set workspace: give --workspace instead"),
    ],
)
def test_values_that_do_not_go_together_are_explained(settings: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        prepare_run("smoke", settings, str(tmp_path))
    assert message in str(caught.value)


def test_a_presets_models_are_not_taken_for_trained_generators(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="the preset has no value for trained_generators"):
        prepare_run("laptop", [], str(tmp_path), "construct_dataset")
