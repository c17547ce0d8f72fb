from __future__ import annotations

from components.shared.report.used_models import base_models, used_models
from tests.components.shared.report.stages import stage

HUB = "hf://Qwen/Qwen2-Math-7B-Instruct@5a1b"
STAGES = [
    stage("import_model", kind="model", inputs=[("source", HUB, "")]),
    stage("train_sft", kind="model", inputs=[("model", "w/import_model/1", "model")]),
    stage("train_dpo", kind="model", inputs=[("model", "w/train_sft/1", "model")]),
    stage("generate_questions", inputs=[("model", "w/train_dpo/1", "model")]),
    stage("filter_solvability", inputs=[("model", "w/import_model/1", "model"), ("questions", "w/x/1", "question")]),
    stage("generate_responses", inputs=[("model", "w/import_model/1", "model")]),
    stage("score_responses", inputs=[("reward_model", "openai:judge", "")]),
]


def test_models_are_told_with_their_revision_their_trainings_and_their_uses() -> None:
    assert [(model.name, model.revision, model.trained_by, model.uses) for model in used_models(STAGES)] == [
        ("hf://Qwen/Qwen2-Math-7B-Instruct", "5a1b", ("train_sft", "train_dpo"), ["writes questions"]),
        ("hf://Qwen/Qwen2-Math-7B-Instruct", "5a1b", (), ["judges whether questions can be solved", "solves"]),
        ("openai:judge", "", (), ["scores responses"]),
    ]


def test_base_models_are_those_from_outside() -> None:
    assert base_models(STAGES) == [HUB, "openai:judge"]
    assert used_models([stage("import_questions", inputs=[("source", "questions.jsonl", "")])]) == []
