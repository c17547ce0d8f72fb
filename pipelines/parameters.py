"""The parameters of the pipelines, in groups as the stages need them.

Hardware is text: Kubeflow's backend reads a whole number as "" and starts the pod without a GPU.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field
from typing import Any

from components.shared.images import image


def parameter(default: Any = MISSING, *, help: str) -> Any:
    """Declare a pipeline's parameter; without a default, a preset or the user has to set it."""
    if isinstance(default, list | dict):
        return field(default_factory=lambda: default, metadata={"help": help})
    return field(default=default, metadata={"help": help})


@dataclass(frozen=True, kw_only=True)
class CpuHardware:
    """What the pod of a step without an accelerator requests."""

    cpu_step_cpu: str = parameter("2", help="CPUs of a step without an accelerator")
    cpu_step_memory: str = parameter("8Gi", help="memory of a step without an accelerator")
    store_secret: str = parameter(
        "scalequest-store", help="name of the Secret with the store's endpoint and keys; need not exist"
    )
    hub_secret: str = parameter("huggingface-token", help="name of the Secret with the hub's token; need not exist")


@dataclass(frozen=True, kw_only=True)
class Hardware(CpuHardware):
    """Where the work of a step with a model is done, and what each kind of task's pod requests.

    The profiles in pipelines/profiles set it.
    """

    profile: str = parameter(
        "",
        help="hardware of the Jobs that do the work of steps with a model: a profile in the ConfigMap "
        "scalequest-profiles, or JSON; empty: no Jobs, the tasks' own pods do it; scalequest submit sets it",
    )

    # An 8-GPU machine with 96 CPUs and 1.1 TB holds eight inference pods, or one training pod.
    inference_gpus: str = parameter("1", help="GPUs of a step that generates or scores with a model; 0 for none")
    inference_cpu: str = parameter("8", help="CPUs of a step that generates or scores with a model")
    inference_memory: str = parameter("72Gi", help="memory of a step that generates or scores with a model")
    training_gpus: str = parameter("8", help="GPUs of a step that trains; 0 for none")
    training_cpu: str = parameter("32", help="CPUs of a step that trains")
    training_memory: str = parameter("512Gi", help="memory of a step that trains")
    training_nodes: int = parameter(
        1, help="machines of a training; more than 1 use a TrainJob, which the step's task starts and follows"
    )
    inference_image: str = parameter(
        image("vllm"), help="image of the task of a step that generates or scores with a model"
    )
    training_image: str = parameter(image("train"), help="image of the task of a step that trains")
    accelerator: str = parameter("nvidia.com/gpu", help="the accelerator's resource name")
    gpu_node_selector: dict[str, str] = parameter({}, help="labels of the nodes for steps with accelerators")
    gpu_tolerations: list[dict[str, str]] = parameter([], help="taints that steps with accelerators tolerate")
    rewriter_secret: str = parameter(
        "rewriter-key", help="name of the Secret with the key of the rewriter's, or solver's, endpoint; need not exist"
    )


@dataclass(frozen=True, kw_only=True)
class Importing(CpuHardware):
    """What every step needs, and all that an import does."""

    workspace: str = parameter(help="the workspace: gs://… or s3://…")
    seed: int = parameter(0, help="random seed; change it for different rows everywhere")
    options: str = parameter("", help="the values of --set STEP.OPTION=VALUE, as JSON")


@dataclass(frozen=True, kw_only=True)
class Common(Hardware, Importing):
    """What every stage needs."""

    engine: str = parameter("vllm", help="what runs the models: vllm, or scripted for a trial")
    pods: str = parameter(
        "1",
        help="pods of a Job that share a step with a model: 8, or 2..16 where a queue may give fewer; without a "
        "profile, processes of the task's pod, each with GPUs of its own",
    )


@dataclass(frozen=True, kw_only=True)
class Parts(Common):
    """How a step's rows are cut into parts."""

    rows_per_part: int = parameter(512, help="rows per part: the most that a lost pod has to repeat")


@dataclass(frozen=True, kw_only=True)
class SeedQuestions(Importing):
    """The seed questions."""

    seed_questions: list[dict[str, str]] = parameter(help="sources: {source, question_column, answer_column}")
    num_seed_questions: int = parameter(help="questions from each source; 0 for all")


@dataclass(frozen=True, kw_only=True)
class Training(Common):
    """How all models are trained."""

    parallelism: str = parameter("none", help="none (plain data parallelism) or zero3")


@dataclass(frozen=True, kw_only=True)
class TrainingExamples(Importing):
    """What solvers learn from."""

    training_examples: list[dict[str, str]] = parameter(
        help="sources of questions with responses: {source, question_column, response_column}; also finished datasets"
    )
    num_training_examples: int = parameter(help="examples from each source; 0 for all")


@dataclass(frozen=True, kw_only=True)
class Benchmarks(Importing):
    """What solvers are scored on."""

    benchmarks: list[dict[str, str]] = parameter(
        help="questions that solvers are scored on: {source, question_column, answer_column}"
    )
    num_benchmark_questions: int = parameter(help="questions from each benchmark; 0 for all")
    benchmark_seed: int = parameter(help="seed of benchmarks that are generators; not that of the examples")


@dataclass(frozen=True, kw_only=True)
class ScoredTraining(Training, Parts, Benchmarks):
    """How solvers are trained, and what they are scored on before and after."""

    sft_epochs: int = parameter(help="epochs over the examples")
    sft_batch_size: int = parameter(help="examples a step")
    sft_max_tokens: int = parameter(help="tokens of a question with its response; longer ones are left out")
    benchmark_prompts: str = parameter(
        help="what they are asked with: prompt:solve; prompt:benchmarks, each benchmark's own words; a text file with "
        "{question} in it; or a folder with one for each benchmark (gsm8k.txt)",
    )


@dataclass(frozen=True, kw_only=True)
class QuestionSampling(Common):
    """How generators sample."""

    question_top_p: float = parameter(help="top-p of the sampling")
    question_max_tokens: int = parameter(help="new tokens per question")


@dataclass(frozen=True, kw_only=True)
class Rewriting(Common):
    """The model that makes the preferred versions of questions."""

    rewriter: str = parameter(help="its model URI; openai:NAME behind an endpoint")
    rewriter_chat_template: str = parameter(
        help="its chat template: own (the model's own), or a family; an endpoint uses its own"
    )
    rewriter_endpoint: str = parameter(help="base URL of an OpenAI-compatible server; empty for a model that we run")
    rewrite_max_tokens: int = parameter(help="new tokens per rewrite")


@dataclass(frozen=True, kw_only=True)
class GeneratorTraining(QuestionSampling, Rewriting, Training):
    """Training of a question generator: QFT, preferences, QPO."""

    qft_epochs: int = parameter(help="epochs over the seed questions")
    qft_learning_rate: float = parameter(help="peak")
    qft_batch_size: int = parameter(help="questions a step")
    num_preference_questions: int = parameter(help="questions for the rewriter")
    qpo_learning_rate: float = parameter(help="peak")
    qpo_batch_size: int = parameter(help="pairs a step")


@dataclass(frozen=True, kw_only=True)
class QuestionGeneration(QuestionSampling, Parts):
    """The stage "question generation"."""

    num_questions: int = parameter(help="questions from each generator, before filtering")


@dataclass(frozen=True, kw_only=True)
class Solver(Parts):
    """The model that answers, and judges solvability."""

    solver: str = parameter(help="its model URI")
    solver_chat_template: str = parameter(help="its chat template: own (the model's own), or a family")
    num_solver_examples: int = parameter(help="worked examples, for a model that does not box its answers without them")
    solver_top_p: float = parameter(help="top-p of the sampling")
    solver_max_tokens: int = parameter(help="new tokens per response")


@dataclass(frozen=True, kw_only=True)
class Responding(Solver):
    """The stage "response generation"."""

    num_responses: int = parameter(help="responses for each question")


@dataclass(frozen=True, kw_only=True)
class FailRates(Solver):
    """How difficulty is measured on questions whose answers are known."""

    fail_rate_solver: str = parameter(help="model URI of the solver that is measured")
    fail_rate_chat_template: str = parameter(help="its chat template: own (the model's own), or a family")
    num_fail_rate_samples: int = parameter(help="responses for each question")
    fail_rate_temperature: float = parameter(help="sampling temperature")


@dataclass(frozen=True, kw_only=True)
class Scoring(Parts):
    """How scorers are run."""

    scorer_engine: str = parameter(help="what runs scorers: transformers, vllm, or scripted for a trial")


@dataclass(frozen=True, kw_only=True)
class Rewarding(Scoring):
    """The stage "reward filtering"."""

    reward_model: str = parameter(
        help="its model URI; empty to train one on verified answers; in answer_questions, empty for no rewards"
    )
    reward_chat_template: str = parameter(help="its chat template: own (the model's own), or a family")


@dataclass(frozen=True, kw_only=True)
class Scorer(Training, Scoring):
    """How scorers are trained and run."""

    scorer_epochs: int = parameter(help="epochs over the examples")
    scorer_batch_size: int = parameter(help="examples a step")
    scorer_max_examples: int = parameter(help="maximum number of examples; 0 for all")
    scorer_learning_rate: float = parameter(help="peak")


@dataclass(frozen=True, kw_only=True)
class Difficulty(Scorer):
    """How easy questions are thinned out."""

    difficulty_base: str = parameter(help="model URI that the difficulty scorer starts from")
    difficulty_sources: str = parameter(help="sources to thin out, as a JSON list; empty: all")
    minimum_difficulty: float = parameter(help="easier questions leave")


@dataclass(frozen=True, kw_only=True)
class Filtering(Solver, Difficulty):
    """The stage "question filtering"."""


@dataclass(frozen=True, kw_only=True)
class Answering(Responding, Rewarding, Scorer):
    """The stages "response generation" and "reward filtering"."""


@dataclass(frozen=True, kw_only=True)
class Judging(Responding):
    """Answers to questions that a judge may look at before."""

    judge: str = parameter(
        help="model that drops questions that cannot be solved, where the solver runs; empty: all are answered"
    )


@dataclass(frozen=True, kw_only=True)
class Serving(Judging):
    """Answers by a model of ours, or by a served one."""

    solver_endpoint: str = parameter(
        help="base URL of an OpenAI-compatible server (…/v1) for solver=openai:NAME; empty for a model that we run"
    )


@dataclass(frozen=True, kw_only=True)
class Selecting(Rewarding):
    """What makes an answer the best."""

    select_by: str = parameter(
        help="what makes an answer the best: agreement, reward, or both (agreement, then reward)"
    )


@dataclass(frozen=True, kw_only=True)
class OwnQuestions(Serving, Selecting):
    """Answers to questions of your own."""

    questions: str = parameter(
        help="their file: .jsonl, .json, .csv or .parquet at a path, gs://…, s3://… or "
        "hf://datasets/org/name@revision/path/in/repo"
    )
    question_column: str = parameter(help="column of the question; the others are kept as metadata")
    answer_column: str = parameter(help="column of the known answers; none: they are not known")


@dataclass(frozen=True, kw_only=True)
class DatasetMaking(FailRates, Filtering, Answering):
    """Everything from questions to the dataset."""


@dataclass(frozen=True, kw_only=True)
class RightColumn(SeedQuestions, QuestionGeneration, DatasetMaking):
    """Construction of the dataset, wherever the generators come from."""


@dataclass(frozen=True, kw_only=True)
class Construction(RightColumn):
    """Construction of the dataset alone. Its generators have a name of their own: a preset's models are untrained."""

    trained_generators: list[dict[str, str]] = parameter(
        help="results of train_question_generator: {source, model, chat_template}"
    )


@dataclass(frozen=True, kw_only=True)
class WholeFigure(GeneratorTraining, RightColumn, ScoredTraining):
    """Both columns, and solvers that are trained on the dataset."""

    generators: list[dict[str, str]] = parameter(help="models to train: {source, model, chat_template}")
    solvers: list[dict[str, str]] = parameter(
        [], help="models to train on the dataset: {source, model, chat_template, learning_rate}; none by default"
    )


@dataclass(frozen=True, kw_only=True)
class SolverTraining(ScoredTraining, TrainingExamples):
    """Training of solvers on any dataset."""

    # Kubeflow knows one type for all values of a mapping; learning_rate is a number all the same.
    solvers: list[dict[str, str]] = parameter(help="models to train: {source, model, chat_template, learning_rate}")
