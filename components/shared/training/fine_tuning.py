"""What trainings share: arguments, data order, checkpoints into the store, figures and the saved model."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset, concatenate_datasets
from transformers import (
    GenerationConfig,
    PreTrainedTokenizerBase,
    PrinterCallback,
    Trainer,
    TrainerState,
    TrainingArguments,
)
from transformers.utils import is_flash_attn_2_available

from components.shared.arithmetic import Arithmetic, of_this_machine
from components.shared.config.training import TrainingConfig
from components.shared.errors import UnavailableError
from components.shared.models import tokenizers
from components.shared.training._soundness import Soundness
from components.shared.training._step_callback import StepCallback
from components.shared.training.job import TrainingJob

TOKENIZER_FILES = ("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab.*", "merges.txt", "*.jinja")

# "auto": filled in by transformers from the arguments. PyTorch's autocast instead of DeepSpeed's "bf16": the arithmetic
# is that of the other parallelisms, bit for bit, and log-probabilities come out in fp32. In "bf16" TRL sums those of
# the reference in bf16, which is off by up to half a nat at 170 nats a question. In fp32 there is no autocast.
ZERO3 = {
    "zero_optimization": {"stage": 3, "overlap_comm": True, "stage3_gather_16bit_weights_on_model_save": True},
    "train_batch_size": "auto",
    "train_micro_batch_size_per_gpu": "auto",
    "gradient_accumulation_steps": "auto",
    "gradient_clipping": "auto",
}

logger = logging.getLogger(__name__)


def load_examples(job: TrainingJob[Any]) -> Dataset:
    """Open the job's examples without reading them."""
    return Dataset.from_file(str(job.examples_file))


def with_blank(examples: Dataset, blank: Mapping[str, Any], config: TrainingConfig) -> Dataset:
    """Return the examples; for several processes, followed by a row that does not count in the loss.

    accelerate would fill up the last micro-batches with the first rows, which would be trained on twice.
    """
    if config.processes == 1:
        return examples
    row = Dataset.from_dict({name: [value] for name, value in blank.items()}, features=examples.features)
    return concatenate_datasets([examples, row])


def load_tokenizer(job: TrainingJob[Any]) -> PreTrainedTokenizerBase:
    """Return the start model's tokenizer."""
    return tokenizers.load_tokenizer(job.model)


def join_processes(config: TrainingConfig) -> None:
    """Connect the processes if transformers does not do it: DeepSpeed on CPUs. Call it before the arguments."""
    if config.parallelism == "zero3" and not torch.cuda.is_available():
        import deepspeed

        deepspeed.init_distributed(dist_backend="gloo")


def attention() -> str:
    """Return flash attention if it is installed and the GPU computes in bf16, otherwise PyTorch's own."""
    has_flash = torch.cuda.is_available() and is_flash_attn_2_available() and of_this_machine().is_bf16
    return "flash_attention_2" if has_flash else "sdpa"


def common_arguments(job: TrainingJob[Any], warmup_steps: int) -> dict[str, Any]:
    """Return the arguments that all trainings have.

    Weights are fp32, and where the arithmetic is bf16, that is autocast's (with ZeRO-3 by DeepSpeed): steps of a
    learning rate like 5e-7 are lost when they are added to bf16 weights.
    """
    config: TrainingConfig = job.config
    arithmetic = _chosen_arithmetic(job)
    on_gpu = torch.cuda.is_available()
    return {
        "output_dir": str(Path(job.folder, "checkpoints")),
        "num_train_epochs": 1,  # the order holds all epochs
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": warmup_steps,
        "per_device_train_batch_size": config.micro_batch_size,
        "gradient_accumulation_steps": config.batch_size // (config.micro_batch_size * config.processes),
        "gradient_checkpointing": config.gradient_checkpointing and on_gpu,
        "seed": config.seed,
        "bf16": arithmetic.is_bf16 and config.parallelism == "none",
        "use_cpu": not on_gpu,
        "ddp_backend": "gloo" if config.processes > 1 and not on_gpu else None,
        "dataloader_pin_memory": on_gpu,
        "deepspeed": _zero3(arithmetic) if config.parallelism == "zero3" else None,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,  # it would log the mean of the steps before for a loss that is no number
        "disable_tqdm": True,
        "report_to": "none",
        "save_strategy": "steps" if config.checkpoint_steps else "no",
        "save_steps": config.checkpoint_steps or 1,
        "max_length": None,  # over-long rows are rejected before, nothing is ever cut
        "model_init_kwargs": {"dtype": "float32", "attn_implementation": attention()},
    }


def _chosen_arithmetic(job: TrainingJob[Any]) -> Arithmetic:
    """Choose the arithmetic; the first process logs it and tells it to the step."""
    arithmetic = of_this_machine()
    if int(os.environ.get("RANK", "0")) == 0:
        logger.info("training computes in %s; weights are kept in fp32, and saved in bf16", arithmetic)
        job.write_arithmetic(str(arithmetic))
    return arithmetic


def _zero3(arithmetic: Arithmetic) -> dict[str, Any]:
    return ZERO3 | {"torch_autocast": {"enabled": arithmetic.is_bf16, "dtype": arithmetic.dtype}}


class InGivenOrder:
    """A mixin for trainers that visit the examples in the order given, across all epochs.

    All processes get equally many micro-batches of one size: the blank last row fills up the last of them.
    """

    args: TrainingArguments
    train_dataset: Dataset
    order: Sequence[int]

    def _get_train_sampler(self, train_dataset: Dataset | None = None) -> Sequence[int]:
        if self.args.world_size == 1:
            return self.order
        blank = len(self.train_dataset) - 1
        share = self.args.per_device_train_batch_size * self.args.world_size
        return [*self.order, *[blank] * (-len(self.order) % share)]


def train_and_save(
    job: TrainingJob[Any],
    trainer: Trainer,
    tokens_by_row: Sequence[int],
    save: Callable[[TrainingJob[Any], Trainer], None],
) -> None:
    """Train to the end, then write the model (by ``save``) and the figures into the job's folder."""
    _continue_together(job)
    progress = StepCallback(job, Soundness(trainer, list(trainer.order[: job.config.micro_batch_size])))
    trainer.add_callback(progress)
    trainer.remove_callback(PrinterCallback)  # it prints to standard output, which is for the folder's address
    with progress.watched():
        trainer.train(resume_from_checkpoint=job.resume_from or None)
        seconds = progress.seconds
    save(job, trainer)
    if trainer.is_world_process_zero():
        tokens = sum(tokens_by_row[index] for index in trainer.order)
        job.write_metrics(_figures(job.config, trainer.state, tokens, seconds))
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def _continue_together(job: TrainingJob[Any]) -> None:
    """Raise UnavailableError if machines are about to continue from different checkpoints, or only some from one.

    Each machine has fetched the last complete one by itself; a marker may have been written in between.
    """
    if job.config.num_nodes == 1:
        return
    found: list[str] = [""] * torch.distributed.get_world_size()
    torch.distributed.all_gather_object(found, job.checkpoint)
    if len(set(found)) > 1:
        names = ", ".join(sorted({name or "none" for name in found}))
        raise UnavailableError(
            f"the nodes found different checkpoints ({names}), one of them was just being completed; the same command "
            "continues from it"
        )


def _figures(config: TrainingConfig, state: TrainerState, tokens: int, seconds: float) -> dict[str, float]:
    losses = [entry["loss"] for entry in state.log_history if "loss" in entry]
    return {
        "loss_first": losses[0],
        "loss_last": losses[-1],
        "loss_mean": sum(losses) / len(losses),
        "steps": state.global_step,
        "epochs": config.epochs,
        "tokens": tokens,
        "tokens_per_second": tokens / seconds,
        "seconds": seconds,
        "accelerator_seconds": seconds * config.processes if torch.cuda.is_available() else 0.0,
    }


def save_language_model(job: TrainingJob[Any], trainer: Trainer) -> None:
    """Save bf16 weights, the start model's own tokenizer files, and which tokens end a text."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    tokenizer = trainer.processing_class
    ends = {int(tokenizer.convert_tokens_to_ids(token)) for token in job.end_tokens}
    before = model.generation_config.eos_token_id
    ends |= set(before if isinstance(before, list) else [] if before is None else [before])
    # The sampling defaults of a chat model are dropped: how to sample is an option of the steps that generate.
    model.generation_config = GenerationConfig(
        bos_token_id=model.generation_config.bos_token_id,
        eos_token_id=sorted(ends),
        pad_token_id=model.generation_config.pad_token_id,
    )
    save_weights(job, trainer)
    if trainer.is_world_process_zero():
        for pattern in TOKENIZER_FILES:
            for path in Path(job.model).glob(pattern):
                shutil.copyfile(path, job.model_folder / path.name)


def save_weights(job: TrainingJob[Any], trainer: Trainer) -> None:
    """Save the weights in bf16, in which the model runs and which they had before training."""
    model = trainer.accelerator.unwrap_model(trainer.model)
    if job.config.parallelism == "none":
        model.to(torch.bfloat16)
    weights = trainer.accelerator.get_state_dict(trainer.model_wrapped)  # all processes: ZeRO-3 gathers what it has cut
    if trainer.is_world_process_zero():
        rounded = {id(tensor): tensor.to(torch.bfloat16) for tensor in weights.values()}  # tied ones stay one
        model.save_pretrained(
            job.model_folder, state_dict={name: rounded[id(tensor)] for name, tensor in weights.items()}
        )
        model.config.dtype = torch.bfloat16
        model.config.save_pretrained(job.model_folder)
