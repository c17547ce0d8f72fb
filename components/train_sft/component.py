"""The Kubeflow component of train_sft."""

from kfp import dsl

from components.shared.images import image


@dsl.container_component
def train_sft(
    folder: dsl.OutputPath(str),  # type: ignore[valid-type]
    trained_model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    workspace: str,
    model: str,
    examples: str,
    chat_template: str = "chatml",
    objective: str = "question",
    epochs: int = 1,
    learning_rate: float = 2e-5,
    batch_size: int = 128,
    max_tokens: int = 1024,
    warmup_fraction: float = 0.03,
    seed: int = 0,
    micro_batch_size: int = 4,
    num_nodes: int = 1,
    train_job_runtime: str = "scalequest-training",
    num_processes: int = 0,
    parallelism: str = "none",
    gradient_checkpointing: bool = True,
    checkpoint_steps: int = 50,
) -> dsl.ContainerSpec:
    """Fine-tune a model: on questions alone, so that it writes questions (QFT), or on responses."""
    return dsl.ContainerSpec(
        image=image("train"),
        command=["python3", "-m", "components.train_sft"],
        args=[
            "--workspace", workspace,
            "--model", model,
            "--examples", examples,
            "--chat-template", chat_template,
            "--objective", objective,
            "--epochs", epochs,
            "--learning-rate", learning_rate,
            "--batch-size", batch_size,
            "--max-tokens", max_tokens,
            "--warmup-fraction", warmup_fraction,
            "--seed", seed,
            "--micro-batch-size", micro_batch_size,
            "--num-nodes", num_nodes,
            "--train-job-runtime", train_job_runtime,
            "--num-processes", num_processes,
            "--parallelism", parallelism,
            "--gradient-checkpointing", gradient_checkpointing,
            "--checkpoint-steps", checkpoint_steps,
            "--executor-input", dsl.PIPELINE_TASK_EXECUTOR_INPUT_PLACEHOLDER,
        ],
    )  # fmt: skip
