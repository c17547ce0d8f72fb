"""Runs, inside an image, every step that it serves: its help, then a few rows. ``python3 /app/smoke_test.py``.

Needs no network and no more than a writable /tmp. Replies are scripted or an untrained model's; in the image vllm, one
step asks vLLM itself, so that its libraries, and its GPU if there is one, are tried.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from components.shared.config import PartsConfig, flag_of, option, options_of
from components.shared.records import Evaluation, FailRate, PreferencePair, Row
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from components.shared.workspace.plans import Slice
from components.steps import config_of, step_names

QUESTIONS = [f"Anna has {n} pears and eats {n // 2} of them. How many pears has she left?" for n in range(11, 35, 2)]
SCRIPTED = ("--engine", "scripted")
SMALL_TRAINING = ("--batch-size", "4", "--micro-batch-size", "2")


class SmokeTest:
    """A workspace in /tmp, and the steps that ran there."""

    def __init__(self, folder: Path) -> None:
        self.workspace = str(folder / "workspace")
        self.file = folder / "questions.jsonl"
        lines = (json.dumps({"question": text, "answer": str(-(-n // 2))}) for text, n in _numbered())
        self.file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        self.ran: list[str] = []

    def run(self, step: str, *options: str) -> str:
        """Run a step; return its folder. Raises where it fails or its folder is not finished."""
        started = time.monotonic()
        command = [*command_of(step), "--workspace", self.workspace, *options]
        folder = _checked(command).stdout.strip()
        manifest = read_manifest(folder)
        self.ran.append(step)
        say(f"{step:20} {time.monotonic() - started:6.1f} s  {manifest.rows_in} in, {manifest.rows_out} out")
        return folder

    def check(self, *command: str) -> None:
        """Run another command. Raises where it fails."""
        _checked([*command])
        say(f"{' '.join(command[:3])}: passed")

    def questions(self) -> str:
        """Import questions with their answers from a file."""
        return self.run("import_questions", "--source", str(self.file))

    def model(self) -> str:
        """Make an untrained model of two layers."""
        return self.run("import_model", "--source", "random:llama")

    def given(self, rows: Sequence[Row], model: str = "") -> str:
        """Write rows that a step of another image would, with ``model`` if it has one."""
        config = GivenRowsConfig(workspace=self.workspace, content=type(rows[0]).__name__, model=model)
        folder = Workspace(self.workspace).open(config).begin_rows(type(rows[0]), [Slice(start=0, stop=len(rows))])
        for part in folder.missing_parts():
            for index, row in enumerate(rows):
                part.settle(index, kept=[row])
        return folder.finish()


@dataclasses.dataclass(frozen=True, kw_only=True)
class GivenRowsConfig(PartsConfig):
    """Rows that the smoke test brings with it."""

    content: str = option(help="what the rows are")
    model: str = option("", help="the model that they are of", is_folder=True)

    step = "given_rows"


def run_cpu(test: SmokeTest) -> None:
    """Take questions through every filter, and scripted answers to a dataset; then ask for the command."""
    generated = test.run("import_questions", "--source", "reasoning-gym:gsm_symbolic", "--num-questions", "8")
    questions = test.run("filter_language", "--questions", generated)
    questions = test.run("deduplicate", "--questions", questions)
    questions = test.run("decontaminate", "--questions", questions, "--benchmarks", test.questions())
    questions = test.run("score_difficulty", "--questions", questions, "--scorer-engine", "scripted")
    questions = test.run("sample_difficulty", "--questions", questions)
    responses = test.run("generate_responses", "--questions", questions, "--model", "openai:any", *SCRIPTED)
    responses = test.run("score_responses", "--responses", responses, "--scorer-engine", "scripted")
    selected = test.run("select_responses", "--responses", responses)
    test.run("package_dataset", "--responses", selected)
    test.run("find_contamination", "--questions", questions, "--training", responses)
    fail_rates = test.given([_fail_rate(index, text) for index, (text, _) in enumerate(_numbered())])
    test.run("pair_questions", "--fail-rates", fail_rates)
    evaluations = test.given([_evaluation(index, text) for index, (text, _) in enumerate(_numbered())], "openai:any")
    test.run("compare_solvers", "--evaluations", evaluations)
    run_others(test, "cpu", {"questions": questions, "responses": responses})
    test.check("python3", "-m", "pipelines.run_checks", "--executor-input", told_of_a_run(test))
    test.check("scalequest", "compile", "--check")


def told_of_a_run(test: SmokeTest) -> str:
    """Return what Kubeflow tells the first task of a run, which checks it."""
    from pipelines.arguments import prepare_run  # in this image alone

    run = prepare_run("answer-smoke", [], test.workspace, hardware={"profile": ""})
    given = {"pipeline": run.pipeline.name, "preset": "answer-smoke", **run.arguments, "asked_profile": ""}
    outputs = {"parameters": {}, "artifacts": {}, "outputFile": str(test.file.with_name("executor_output.json"))}
    return json.dumps({"inputs": {"parameterValues": given}, "outputs": outputs})


def run_vllm(test: SmokeTest) -> None:
    """Ask the scripted engine in every step that asks a model, and vLLM and transformers in one each."""
    model = test.model()
    test.run(
        "generate_questions", "--model", model, "--generator", "vllm", "--num-questions", "4", "--max-tokens", "16"
    )
    written = test.run("generate_questions", "--model", model, "--generator", "a", "--num-questions", "8", *SCRIPTED)
    test.run("build_preferences", "--questions", written, "--model", model, *SCRIPTED)
    test.run("filter_solvability", "--questions", written, "--model", model, *SCRIPTED)
    with_answers = test.questions()
    benchmarks = ("--benchmarks", with_answers)
    test.run("judge_paraphrases", "--questions", written, *benchmarks, "--model", model, *SCRIPTED)
    test.run("measure_fail_rate", "--questions", with_answers, "--model", model, *SCRIPTED)
    test.run("evaluate", "--questions", with_answers, "--model", model, *SCRIPTED)
    test.run("score_difficulty", "--questions", written, "--scorer-engine", "scripted")
    responses = test.run("generate_responses", "--questions", written, "--model", model, *SCRIPTED)
    test.run("score_responses", "--responses", responses, "--scorer-engine", "scripted")
    run_others(test, "vllm", {"questions": written, "model": model, "responses": responses})


def run_train(test: SmokeTest) -> None:
    """Train the untrained model on questions, on preferences and on fail rates."""
    model = test.model()
    test.run("train_sft", "--model", model, "--examples", test.questions(), *SMALL_TRAINING)
    pairs = test.given([_pair(index, text) for index, (text, _) in enumerate(_numbered())])
    test.run("train_dpo", "--model", model, "--pairs", pairs, *SMALL_TRAINING)
    fail_rates = test.given([_fail_rate(index, text) for index, (text, _) in enumerate(_numbered())])
    test.run("train_scorer", "--model", model, "--examples", fail_rates, *SMALL_TRAINING)
    run_others(test, "train", {"model": model, "examples": fail_rates})


def run_others(test: SmokeTest, image: str, there: Mapping[str, str]) -> None:
    """Run the image's steps that have no line of their own, with what is there for the options that they require."""
    for step in steps_of(image):
        if step in test.ran:
            continue
        fields = {field.name: field for field in options_of(config_of(step))}
        required = [name for name, field in fields.items() if field.default is dataclasses.MISSING]
        if missing := sorted({*required} - {"workspace", *there}):
            raise SystemExit(f"smoke_test: {step} needs {', '.join(missing)}: run it by a line in run_{image}")
        given = [word for name in required if name in there for word in (flag_of(name), there[name])]
        scripted = [
            word for name in ("engine", "scorer_engine") if name in fields for word in (flag_of(name), "scripted")
        ]
        test.run(step, *given, *scripted)


RUNS: dict[str, Callable[[SmokeTest], None]] = {"cpu": run_cpu, "vllm": run_vllm, "train": run_train}


def main() -> int:
    """Run what the image SCALEQUEST_IMAGE serves; return the exit code."""
    name = os.environ.get("SCALEQUEST_IMAGE", "").rpartition("/")[2].partition(":")[0]
    if name not in RUNS:
        sys.stderr.write(f"smoke_test: SCALEQUEST_IMAGE names no image of {', '.join(RUNS)}; run it inside one\n")
        return 2
    problems = check_container()
    steps = steps_of(name)
    for step in steps:
        _checked([*command_of(step), "--help"])
    say(f"{len(steps)} steps print their help")
    with tempfile.TemporaryDirectory(prefix="smoke-") as folder:
        test = SmokeTest(Path(folder))
        RUNS[name](test)
    problems += [f"{step} was not run" for step in steps if step not in test.ran]
    sys.stderr.writelines(f"smoke_test: {problem}\n" for problem in problems)
    say(f"image {name}: {'passed' if not problems else 'failed'}")
    return 1 if problems else 0


def check_container() -> list[str]:
    """Return what is not as it has to be in a container of ours."""
    problems = []
    if os.getuid() == 0:
        problems.append("runs as root")
    if (
        shutil.which("pip")
        or subprocess.run([sys.executable, "-m", "pip"], capture_output=True, check=False).returncode == 0
    ):
        problems.append("has pip")
    if not Path("/etc/ssl/certs/ca-certificates.crt").exists():
        problems.append("has no certificates")
    return problems


def steps_of(name: str) -> list[str]:
    """Return the steps that the image serves."""
    return [step for step in step_names() if name == config_of(step).IMAGE]


def command_of(step: str) -> list[str]:
    """Return a step's command, as components have it."""
    return ["python3", "-m", f"components.{step}"]


def say(line: str) -> None:
    """Tell whoever watches."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _checked(command: list[str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 -- our own commands
    if result.returncode != 0:
        sys.stderr.write(result.stderr[-4000:])
        raise SystemExit(f"smoke_test: exit code {result.returncode}: {' '.join(command)}")
    return result


def _numbered() -> list[tuple[str, int]]:
    return [(text, int(re.findall(r"\d+", text)[0])) for text in QUESTIONS]


def _pair(index: int, text: str) -> PreferencePair:
    return PreferencePair(
        id=f"q{index}",
        source="given",
        direction="difficulty",
        chosen=f"{text} And how many are half of those?",
        rejected=text,
        rewriter="given",
        reply="",
    )


def _fail_rate(index: int, text: str) -> FailRate:
    right = bool(index % 2)
    return FailRate(
        id=f"q{index}",
        question=text,
        answer="1",
        source="given",
        fail_rate=0.0 if right else 1.0,
        responses=(f"\\boxed{{{1 if right else 2}}}",),
        correct=(right,),
    )


def _evaluation(index: int, text: str) -> Evaluation:
    right = bool(index % 2)
    return Evaluation(
        id=f"q{index}",
        question=text,
        answer="1",
        source="given",
        responses=(f"\\boxed{{{1 if right else 2}}}",),
        final_answers=("1" if right else "2",),
        finish_reasons=("stop",),
        num_tokens=(9,),
        correct=(right,),
        verdicts=("right" if right else "wrong",),
    )


if __name__ == "__main__":
    sys.exit(main())
