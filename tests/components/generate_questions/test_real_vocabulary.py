"""A generator with DeepSeek's real vocabulary, under the class by which transformers would lose every space."""

from __future__ import annotations

from pathlib import Path

import pytest

from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run as generate
from components.shared.models.tokenizers import load_tokenizer
from components.shared.records import Question
from components.shared.workspace import Workspace
from components.train_sft.config import TrainSftConfig
from components.train_sft.step import run as train
from tests.conftest import WriteRows
from tests.vocabularies import VOCABULARIES

QUESTIONS = ["Find all x with 3 + x = 32.", "What is 2 + 2?", "How many apples are 5 times 7 apples?", "Is 91 prime?"]


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(900)
def test_the_words_of_generated_questions_stand_apart(
    workspace: Workspace, tmp_path: Path, write_questions: WriteRows
) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(0)
    VOCABULARIES["deepseek"](tmp_path)
    tokenizer = load_tokenizer(tmp_path)
    shape = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    config = LlamaConfig(vocab_size=len(tokenizer), tie_word_embeddings=True, **shape, **ends)
    LlamaForCausalLM(config).save_pretrained(tmp_path)
    model = train(
        TrainSftConfig(
            workspace=workspace.uri, model=str(tmp_path), examples=write_questions(workspace, QUESTIONS),
            chat_template="deepseek_math", epochs=30, batch_size=4, micro_batch_size=4, learning_rate=1e-2,
            max_tokens=64, num_processes=1, gradient_checkpointing=False, checkpoint_steps=0,
        ),
        workspace,
    )  # fmt: skip
    generated = generate(
        GenerateQuestionsConfig(
            workspace=workspace.uri, model=model, generator="g", num_questions=8, temperature=0.3, max_tokens=32,
            max_model_len=128, chat_template="deepseek_math",
        ),
        workspace,
    )  # fmt: skip
    written = [row.question for row in workspace.read(generated, Question)]
    words = {word.strip(".?") for text in written for word in text.split()} - {""}
    known = {word.strip(".?") for text in QUESTIONS for word in text.split()}
    assert len(written) == 8
    assert sum(" " in text for text in written) > 4, written
    assert {word for word in words if not word.isdecimal()} <= known, written
