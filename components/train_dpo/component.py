"""The Kubeflow component of train_dpo."""

from kfp import dsl

from components.shared.images import image


@dsl.container_component
def train_dpo(
    folder: dsl.OutputPath(str),  # type: ignore[valid-type]
    trained_model: dsl.Output[dsl.Model],
    metrics: dsl.Output[dsl.Metrics],
    workspace: str,
    model: str,
    pairs: str,
    chat_template: str = "chatml",
    epochs: int = 1,
    learning_rate: float = 5e-7,
    batch_size: int = 128,
    max_tokens: int = 1024,
    beta: float = 0.1,
    warmup_steps: int = 20,
    max_warmup_fraction: float = 0.3,
    seed: int = 0,
    micro_batch_size: int = 2,
    num_nodes: int = 1,
    train_job_runtime: str = "scalequest-training",
    num_processes: int = 0,
    parallelism: str = "none",
    gradient_checkpointing: bool = True,
    checkpoint_steps: int = 50,
) -> dsl.ContainerSpec:
    """Optimise a question generator on pairs of questions by DPO; the model given is the reference, too."""
    return dsl.ContainerSpec(
        image=image("train"),
        command=["python3", "-m", "components.train_dpo"],
        args=[
            "--workspace", workspace,
            "--model", model,
            "--pairs", pairs,
            "--chat-template", chat_template,
            "--epochs", epochs,
            "--learning-rate", learning_rate,
            "--batch-size", batch_size,
            "--max-tokens", max_tokens,
            "--beta", beta,
            "--warmup-steps", warmup_steps,
            "--max-warmup-fraction", max_warmup_fraction,
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
