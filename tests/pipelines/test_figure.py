from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from kfp import compiler

from components.shared.config.values import names_of_task
from components.shared.jobs.job_profiles import profile_of_name
from components.steps import config_of
from pipelines.compiled_pipeline import COMPILED, declared_in, graphs_of, read_documents
from pipelines.construct_dataset import construct_dataset
from pipelines.figure import Preset, figure
from pipelines.hardware_profiles import PROFILES
from pipelines.parameters import Common, all_parameters, parameter
from pipelines.preset_files import options_in, read_preset
from pipelines.tasks import task_of
from pipelines.train_question_generator import train_question_generator

FILES = sorted(COMPILED.glob("*.yaml"))
LONGEST_TITLE = 16  # what Kubeflow's graph shows of a name
MAX_PARAMETERS = 30  # of one form
DEEPEST = 2  # boxes that are opened before a step is seen
LEFT_TO_THE_USER = {"answer-questions-answer": {"questions", "solver"}}  # what no preset can know
CHOICES = {"engine", "gpu_work", "select_by", "solver_chat_template"}


@dataclass(frozen=True, kw_only=True)
class Own(Common):
    text: str = parameter(help="what is said")
    kind: str = parameter("a", help="how", choices=("a", "b"))


@figure("own")
def own(run: Own) -> None:
    """Filter, and answer."""
    kept = task_of("filter_language", "Language")(run, questions=run.text)
    task_of("generate_responses", "Answers")(run, questions=kept, model=run.text)


def compiled(folder: Path, preset: Preset) -> dict[str, Any]:
    path = folder / "own.yaml"
    compiler.Compiler().compile(own.for_preset(preset), str(path))
    spec: dict[str, Any] = next(yaml.safe_load_all(path.read_text(encoding="utf-8")))
    return spec


def test_compiled_for_a_preset_parameters_have_its_values_and_tasks_its_options(tmp_path: Path) -> None:
    preset = Preset(name="mine", parameters={"text": "x"}, options={"generate_responses": {"top_p": 0.5}})
    spec = compiled(tmp_path, preset)
    assert spec["pipelineInfo"]["name"] == "own-mine"
    assert declared_in(spec["root"])["text"] == {
        "parameterType": "STRING", "description": "what is said", "defaultValue": "x", "isOptional": True,
    }  # fmt: skip
    given = spec["root"]["dag"]["tasks"]["generate-responses"]["inputs"]["parameters"]
    assert given["top_p"] == {"runtimeValue": {"constant": 0.5}}


def test_without_a_preset_what_has_no_default_is_required(tmp_path: Path) -> None:
    declared = declared_in(compiled(tmp_path, Preset())["root"])
    assert {name for name, each in declared.items() if "defaultValue" not in each} == {"text", "workspace"}


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({}, {"build-preferences"}),
        ({"pair_questions": {"min_fail_rate": 0.5}}, {"measure-fail-rate", "pair-questions"}),
    ],
)
def test_preferences_are_rewritten_or_measured_as_the_preset_says(
    tmp_path: Path, options: dict[str, Any], steps: set[str]
) -> None:
    path = tmp_path / "generators.yaml"
    compiler.Compiler().compile(train_question_generator.for_preset(Preset(options=options)), str(path))
    components = yaml.safe_load(path.read_text(encoding="utf-8").split("\n---")[0])["components"]
    found = {name.removeprefix("comp-") for name in components}
    assert found & {"build-preferences", "measure-fail-rate", "pair-questions"} == steps
    assert {"train-sft", "train-dpo"} <= found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
class TestEveryCompiledFile:
    def test_its_form_asks_for_the_workspace_alone(self, path: Path) -> None:
        declared = declared_in(read_documents(path)[0]["root"])
        required = {name for name, each in declared.items() if "defaultValue" not in each}
        assert required == {"workspace"} | LEFT_TO_THE_USER.get(path.stem, set())
        assert len(declared) <= MAX_PARAMETERS

    def test_every_parameter_says_what_it_is_and_what_may_be_empty_is(self, path: Path) -> None:
        declared = declared_in(read_documents(path)[0]["root"])
        assert all(each["description"] for each in declared.values())
        assert declared["options"]["defaultValue"] == ""

    def test_choices_are_lists_in_the_form(self, path: Path) -> None:
        declared = declared_in(read_documents(path)[0]["root"])
        assert {name for name, each in declared.items() if "literals" in each} == CHOICES & set(declared)
        assert all(each["defaultValue"] in each["literals"] for each in declared.values() if "literals" in each)

    def test_a_trial_takes_no_gpu_whatever_the_cluster_has_and_no_task_by_itself(self, path: Path) -> None:
        declared = declared_in(read_documents(path)[0]["root"])
        is_trial = path.stem.endswith("smoke")
        profile = declared["profile"]["defaultValue"]
        assert (profile, declared["gpu_work"]["defaultValue"]) == ("local" if is_trial else "default", "job")
        files = {each.name: each.read_text() for each in PROFILES.glob("*.yaml")}
        tasks = profile_of_name(profile, files | {"default.yaml": "like: gke-a100-80g"}).tasks.values()
        assert all(task.gpus == "0" for task in tasks) == is_trial
        assert not [name for name in declared if "gpus" in name or "image" in name or "memory" in name]

    def test_every_step_is_within_two_boxes_and_no_box_but_a_loop_holds_one_task(self, path: Path) -> None:
        spec = read_documents(path)[0]
        for boxes, task in tasks_of(spec, spec["root"], ()):
            assert len(boxes) <= DEEPEST, task
            assert all(box.startswith("each-") for box in boxes), boxes

    def test_names_in_the_graph_are_short_and_those_of_the_figure(self, path: Path) -> None:
        graphs = graphs_of(read_documents(path)[0]).values()
        titles = [task["taskInfo"]["name"] for graph in graphs for task in graph["dag"]["tasks"].values()]
        assert [title for title in titles if len(title) > LONGEST_TITLE] == []
        assert [title for title in titles if not title.startswith("each-") and not title[0].isupper()] == []
        assert {"Check", "Models"} <= set(titles)

    def test_nothing_starts_before_the_check_and_each_model_is_imported_once(self, path: Path) -> None:
        spec = read_documents(path)[0]
        tasks = spec["root"]["dag"]["tasks"]
        assert [name for name, task in tasks.items() if not task.get("dependentTasks")] == ["check-run"]
        labels = [each.get("executorLabel", "") for each in spec["components"].values()]
        assert sum("import-model" in label for label in labels) == 1

    def test_the_dataset_is_made_at_the_root(self, path: Path) -> None:
        spec = read_documents(path)[0]
        places = {task: boxes for boxes, task in tasks_of(spec, spec["root"], ())}
        assert places.get("Dataset", ()) == ()


def tasks_of(spec: Any, graph: Any, boxes: tuple[str, ...]) -> list[tuple[tuple[str, ...], str]]:
    """Return each task with the boxes around it, by the names that the graph shows."""
    found = []
    for task in graph["dag"]["tasks"].values():
        title, component = task["taskInfo"]["name"], spec["components"][task["componentRef"]["name"]]
        if "dag" in component:
            found += tasks_of(spec, component, (*boxes, title))
        else:
            found.append((boxes, title))
    return found


def test_the_words_of_the_papers_figure_stand_in_the_graph() -> None:
    spec = read_documents(COMPILED / "scalequest-paper.yaml")[0]
    assert {
        "QFT", "Sample questions", "Preferences", "QPO", "Synthesize", "Language", "Duplicates", "Solvable",
        "Difficulty", "Answers", "Rewards", "Best of n", "Dataset",
    } <= {title for _, title in tasks_of(spec, spec["root"], ())}  # fmt: skip


def test_every_option_of_a_released_preset_reaches_the_tasks_that_it_is_for() -> None:
    """A value that no task takes would be lost in silence."""
    spec = read_documents(COMPILED / "scalequest-paper.yaml")[0]
    given: dict[str, dict[str, Any]] = {}
    for graph in graphs_of(spec).values():
        for task in graph["dag"]["tasks"].values():
            step = task["componentRef"]["name"].removeprefix("comp-").rstrip("-0123456789").replace("-", "_")
            constants = {
                name: value["runtimeValue"]["constant"]
                for name, value in task.get("inputs", {}).get("parameters", {}).items()
                if "runtimeValue" in value
            }
            if step in ("train_sft", "train_scorer", "generate_responses", "sample_difficulty"):
                for name in names_of_task(config_of(step), constants):
                    given[name] = given.get(name, {}) | constants
    options = options_in(read_preset("paper"))
    for task in ("qft", "sft", "train_scorer", "reward_scorer", "generate_responses", "sample_difficulty"):
        assert options[task].items() <= given[task].items()


def test_a_parameter_means_the_same_in_every_group() -> None:
    assert {"profile", "pods", "seed", "engine"} <= all_parameters().keys()


def reads_of(folder: Path, preset: Preset) -> dict[str, set[str]]:
    """Return from which tasks each task of the construction of a dataset takes something, by their titles."""
    path = folder / "construct.yaml"
    compiler.Compiler().compile(construct_dataset.for_preset(preset), str(path))
    tasks = read_documents(path)[0]["root"]["dag"]["tasks"]
    titles = {name: task["taskInfo"]["name"] for name, task in tasks.items()}
    return {titles[name]: {titles[source] for source in task.get("dependentTasks", ())} for name, task in tasks.items()}


def test_questions_of_benchmarks_leave_after_duplicates_and_before_the_judge(tmp_path: Path) -> None:
    reads = reads_of(tmp_path, Preset())
    assert {"Duplicates", "each-benchmark"} <= reads["Benchmarks"]
    assert "Benchmarks" in reads["Solvable"]


def test_a_preset_without_benchmarks_skips_them(tmp_path: Path) -> None:
    reads = reads_of(tmp_path, Preset(name="mine", parameters={"benchmarks": []}))
    assert "Benchmarks" not in reads
    assert "Duplicates" in reads["Solvable"]
