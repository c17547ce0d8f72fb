"""The Kubeflow component of train_scorer."""

from kfp import dsl

from components.shared.images import image


@dsl.container_component
def train_scorer(
    folder: dsl.OutputPath(str),  # type: ignore[valid-type]
    trained_model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    workspace: str,
    model: str,
    examples: str,
    chat_template: str = "chatml",
    epochs: int = 1,
    learning_rate: float = 1e-5,
    batch_size: int = 32,
    max_tokens: int = 2048,
    seed: int = 0,
    micro_batch_size: int = 4,
    num_nodes: int = 1,
    train_job_runtime: str = "scalequest-training",
    num_processes: int = 0,
    parallelism: str = "none",
    gradient_checkpointing: bool = True,
    checkpoint_steps: int = 50,
    target: str = "difficulty",
    max_examples: int = 0,
    held_out_fraction: float = 0.1,
) -> dsl.ContainerSpec:
    """Train a scorer on measured fail rates: of a question's difficulty, or of a response's correctness."""
    return dsl.ContainerSpec(
        image=image("train"),
        command=["python3", "-m", "components.train_scorer"],
        args=[
            "--workspace", workspace,
            "--model", model,
            "--examples", examples,
            "--chat-template", chat_template,
            "--epochs", epochs,
            "--learning-rate", learning_rate,
            "--batch-size", batch_size,
            "--max-tokens", max_tokens,
            "--seed", seed,
            "--micro-batch-size", micro_batch_size,
            "--num-nodes", num_nodes,
            "--train-job-runtime", train_job_runtime,
            "--num-processes", num_processes,
            "--parallelism", parallelism,
            "--gradient-checkpointing", gradient_checkpointing,
            "--checkpoint-steps", checkpoint_steps,
            "--target", target,
            "--max-examples", max_examples,
            "--held-out-fraction", held_out_fraction,
            "--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
        ],
    )  # fmt: skip
