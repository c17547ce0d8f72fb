"""Broken model folders, each refused by one message before anything is written; and good ones, all taken."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tokenizers import AddedToken, Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
)

from components.import_model.config import ImportModelConfig
from components.import_model.examination import check_kind
from components.import_model.random_model import save_random_model
from components.import_model.step import run
from components.shared.errors import InputError
from components.shared.models.purposes import Use
from components.shared.models.tokenizers import load_tokenizer
from components.shared.workspace import Workspace
from components.shared.workspace.manifests import read_manifest
from tests.vocabularies import VOCABULARIES

Break = Callable[[Path], None]
Weights = dict[str, torch.Tensor]
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 13500000000\n"
LAYER = "model.layers.1.mlp"


def import_from(source: Path | str, workspace: Workspace, kind: str = "chat") -> Path:
    folder = run(ImportModelConfig(workspace=workspace.uri, source=str(source), kind=kind), workspace)
    return Path(folder, next(iter(read_manifest(folder).files)).split("/", 1)[0])


def text(name: str, content: str) -> Break:
    return lambda folder: write(folder / name, content.encode())


def write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def cut(name: str, share: float) -> Break:
    return lambda folder: write(
        folder / name, (folder / name).read_bytes()[: int((folder / name).stat().st_size * share)]
    )


def more(name: str, content: bytes) -> Break:
    return lambda folder: write(folder / name, (folder / name).read_bytes() + content)


def before(name: str, content: bytes) -> Break:
    return lambda folder: write(folder / name, content + (folder / name).read_bytes())


def without(name: str) -> Break:
    return lambda folder: (folder / name).unlink()


def renamed(name: str, other: str) -> Break:
    def rename(folder: Path) -> None:
        (folder / name).rename(folder / other)

    return rename


def setting(name: str, **changes: Any) -> Break:
    def change(folder: Path) -> None:
        content = json.loads((folder / name).read_text(encoding="utf-8")) | changes
        (folder / name).write_text(json.dumps({key: value for key, value in content.items() if value is not None}))

    return change


def weights(change: Callable[[Weights], Weights]) -> Break:
    def rewrite(folder: Path) -> None:
        file = folder / "model.safetensors"
        save_file({name: value.contiguous() for name, value in change(load_file(file)).items()}, file, {"format": "pt"})

    return rewrite


def all_of(*breaks: Break) -> Break:
    def apply(folder: Path) -> None:
        for each in breaks:
            each(folder)

    return apply


def sharded(folder: Path) -> None:
    AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16).save_pretrained(folder, max_shard_size="60KB")
    (folder / "model.safetensors").unlink()


def shard_twice(folder: Path) -> None:
    shutil.copy(folder / SHARD, folder / SHARD.replace("1-of", "2-of"))


def beside_shards(folder: Path) -> None:
    save_random_model(folder.parent / "other", 0)
    shutil.copy(folder.parent / "other" / "model.safetensors", folder)


def index(change: Callable[[dict[str, str]], dict[str, str]]) -> Break:
    def rewrite(folder: Path) -> None:
        file = folder / "model.safetensors.index.json"
        content = json.loads(file.read_text(encoding="utf-8"))
        file.write_text(json.dumps({"weight_map": change(content["weight_map"])}))

    return rewrite


def one_more_token(folder: Path) -> None:
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken("<|end|>", special=True)])
    tokenizer.save(str(folder / "tokenizer.json"))
    template = (folder / "chat_template.jinja").read_text(encoding="utf-8")
    (folder / "chat_template.jinja").write_text(template.replace("<|im_end|>", "<|end|>"))


def larger_vocabulary(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["model"]["vocab"] |= {f"word{number}": number for number in range(300, 400)}
    (folder / "tokenizer.json").write_text(json.dumps(content))


def lossy_tokenizer(folder: Path) -> None:
    content = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    content["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{"type": "WhitespaceSplit"}, content["pre_tokenizer"]],
    }
    (folder / "tokenizer.json").write_text(json.dumps(content))


def link_to_nothing(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").symlink_to("../../blobs/0a1b2c")


def with_value(name: str, value: float) -> Callable[[Weights], Weights]:
    def change(tensors: Weights) -> Weights:
        tensors[name].view(-1)[7] = value
        return tensors

    return change


def packed(tensors: Weights) -> Weights:
    return {name: value.to(torch.uint8) if "proj" in name else value for name, value in tensors.items()}


@dataclass(frozen=True)
class Broken:
    name: str
    breaks: Break
    message: str


ADAPTER = all_of(
    text("adapter_config.json", '{"base_model_name_or_path": "org/base"}'),
    renamed("model.safetensors", "adapter_model.safetensors"),
)
WEIGHTS, CONFIG, TOKENIZER, INDEX = "model.safetensors", "config.json", "tokenizer.json", "model.safetensors.index.json"
SHARD = "model-00001-of-00004.safetensors"
BROKEN = [
    Broken("weights are a pointer of LFS", text(WEIGHTS, POINTER), "is a pointer of Git LFS.*git lfs pull"),
    Broken("tokenizer is a pointer of LFS", text(TOKENIZER, POINTER), "tokenizer.json is a pointer of Git LFS"),
    Broken("config is a pointer of LFS", text(CONFIG, POINTER), "config.json is a pointer of Git LFS"),
    Broken("pointer of git-annex", text(WEIGHTS, "../.git/annex/objects/a/b"), "a pointer of git-annex"),
    Broken("link to nothing", link_to_nothing, "is a link to ../../blobs/0a1b2c, which does not exist"),
    Broken("empty weights", text(WEIGHTS, ""), "model.safetensors is empty"),
    Broken("half the weights", cut(WEIGHTS, 0.5), r"not a complete safetensors file .*download it again"),
    Broken("a byte of the weights lacks", cut(WEIGHTS, 0.99999), "not a complete safetensors file"),
    Broken("header of the weights cut", cut(WEIGHTS, 0.001), "not a complete safetensors file"),
    Broken("more than the weights", more(WEIGHTS, b"rest of another file"), "not a complete safetensors file"),
    Broken("an error page for weights", text(WEIGHTS, "<html>403 Forbidden</html>"), "not a complete safetensors file"),
    Broken("config cut", cut(CONFIG, 0.5), "config.json is not JSON .*incomplete"),
    Broken("tokenizer cut", cut(TOKENIZER, 0.7), "tokenizer.json is not JSON"),
    Broken("tokenizer_config cut", cut("tokenizer_config.json", 0.5), "tokenizer_config.json is not JSON"),
    Broken("generation_config cut", cut("generation_config.json", 0.5), "generation_config.json is not JSON"),
    Broken("byte order mark, tokenizer_config", before("tokenizer_config.json", b"\xef\xbb\xbf"), "byte order mark"),
    Broken("byte order mark, config", before(CONFIG, b"\xef\xbb\xbf"), "config.json begins with a byte order mark"),
    Broken("byte order mark, template", before("chat_template.jinja", b"\xef\xbb\xbf"), "jinja begins with a byte"),
    Broken("UTF-16", text(CONFIG, "\ufeff{}".encode("utf-16").decode("latin-1")), "config.json is not JSON|byte order"),
    Broken("Latin-1", before(CONFIG, b"\xe9"), "config.json is not UTF-8"),
    Broken("config is a list", text(CONFIG, "[]"), "config.json holds a JSON list; expected an object"),
    Broken("no config", without(CONFIG), r"has no config\.json; found:"),
    Broken("no tokenizer", without(TOKENIZER), r"has no tokenizer \(tokenizer\.json\)"),
    Broken("SentencePiece only", renamed(TOKENIZER, "tokenizer.model"), r"tokenizer as tokenizer\.model only"),
    Broken("tekken only", renamed(TOKENIZER, "tekken.json"), r"tokenizer as tekken\.json only"),
    Broken("not a tokenizer", text(TOKENIZER, '{"version": "1.0"}'), "the tokenizer in .* cannot be read"),
    Broken("tokenizer that loses spaces", lossy_tokenizer, "tokenizer.json loses part of a text: .* comes back as"),
    Broken("pickles only", renamed(WEIGHTS, "pytorch_model.bin"), r"only pickled weights \(pytorch_model\.bin\)"),
    Broken("Mistral's own format", renamed(WEIGHTS, "consolidated.safetensors"), "in Mistral's own format only"),
    Broken("weights by another name", renamed(WEIGHTS, "weights.safetensors"), "rename a file that is the whole model"),
    Broken("adapter", ADAPTER, "is an adapter .* of org/base.*merge it"),
    Broken("adapter beside a model", text("adapter_config.json", "{}"), "is an adapter"),
    Broken("gptq", setting(CONFIG, quantization_config={"quant_method": "gptq", "bits": 4}), "quantised .*gptq"),
    Broken("awq, by its own file", text("quant_config.json", "{}"), "quantised weights .quant_config"),
    Broken("packed weights", weights(packed), "holds quantised weights .U8: model.layers.0.mlp"),
    Broken("other widths", setting(CONFIG, intermediate_size=256), "of another shape: model.layers.0.mlp"),
    Broken("more layers than weights", setting(CONFIG, num_hidden_layers=3), "missing: model.layers.2"),
    Broken("fewer layers than weights", setting(CONFIG, num_hidden_layers=1), "unexpected: model.layers.1"),
    Broken("other vocabulary size", setting(CONFIG, vocab_size=300), "of another shape: model.embed_tokens"),
    Broken("tensors lack", weights(lambda w: {k: v for k, v in w.items() if LAYER not in k}), f"missing: {LAYER}.down"),
    Broken("prefixed", weights(lambda w: {f"base_model.{k}": v for k, v in w.items()}), "missing: .*unexpected: base_"),
    Broken("NaN", weights(with_value("model.norm.weight", float("nan"))), r"are NaN or infinite \(model.norm"),
    Broken("infinite", weights(with_value(f"{LAYER}.up_proj.weight", float("inf"))), "are NaN or infinite"),
    Broken("no architecture", setting(CONFIG, architectures=None), "names no architectures"),
    Broken("a value of another type", setting(CONFIG, hidden_size="64"), "cannot load it .*hidden_size.*expected int"),
    Broken("heads that do not divide", setting(CONFIG, num_attention_heads=3), "cannot load it .*attention heads"),
    Broken("GGUF only", renamed(WEIGHTS, "m.Q4_K_M.gguf"), r"as GGUF only \(m\.Q4_K_M\.gguf\).*with safetensors"),
    Broken("unknown kind", setting(CONFIG, model_type="mine", architectures=["MineForCausalLM"]), "cannot load it"),
    Broken("code of its own", setting(CONFIG, model_type="mine", auto_map={"AutoConfig": "m.M"}), "cannot load it"),
    Broken("no chat template", without("chat_template.jinja"), "has no chat template"),
    Broken("end token beyond the embedding", one_more_token, r"token '<\|end\|>' is token 259, .* has 259 rows only"),
    Broken("eos_token_id beyond it", setting("generation_config.json", eos_token_id=[1, 9999]), "eos_token_id of gen"),
    Broken("tokenizer of another model", larger_vocabulary, "tokens up to 399, and the model's embedding 259 rows"),
    Broken("shards without an index", all_of(sharded, without(INDEX)), f"has no {INDEX} that says what is in {SHARD}"),
    Broken("index cut", all_of(sharded, cut(INDEX, 0.5)), f"{INDEX} is not JSON"),
    Broken("index without a map", all_of(sharded, text(INDEX, "{}")), "has no weight_map"),
    Broken("shard lacks", all_of(sharded, without(SHARD)), f"lacks weights that its index names: {SHARD}"),
    Broken("shard cut", all_of(sharded, cut(SHARD, 0.6)), f"{SHARD} .* is not a complete safetensors file"),
    Broken("index of another version", all_of(sharded, index(lambda m: m | {"head": SHARD})), "names weights that"),
    Broken("index of elsewhere", all_of(sharded, index(lambda m: dict.fromkeys(m, "../a.safetensors"))), "no weight"),
    Broken("a shard twice", all_of(sharded, shard_twice), "expected each weight once"),
    Broken("whole model beside shards", all_of(sharded, beside_shards), "holds the weights twice"),
]  # fmt: skip


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> Path:
    """A copy of the tiny model, to be damaged."""
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


@pytest.mark.parametrize("broken", BROKEN, ids=[each.name for each in BROKEN])
def test_a_broken_folder_is_one_message_and_nothing_is_written(
    workspace: Workspace, model: Path, broken: Broken
) -> None:
    broken.breaks(model)
    with pytest.raises(InputError, match=broken.message) as refused:
        import_from(model, workspace)
    assert str(model) in str(refused.value), "what was given"
    assert not Path(workspace.uri).exists()


def test_each_kind_of_model_that_transformers_loads_is_known_before_it_is_imported() -> None:
    kinds = {*MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES}
    unknown = {kind for kind in kinds if not is_known(kind)}
    assert unknown == {"gpt-sw3"}, "the models of which are of the kind gpt2"


def is_known(kind: str) -> bool:
    try:
        check_kind(kind, Use.LANGUAGE_MODEL, "source")
    except InputError:
        return False
    return True


SMALL = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
GOOD = {
    "LlamaConfig": {}, "Qwen2Config": {}, "Qwen3Config": {}, "MistralConfig": {}, "GemmaConfig": {"head_dim": 32},
    "Gemma2Config": {"head_dim": 32}, "Gemma3TextConfig": {"head_dim": 32}, "PhiConfig": {}, "Phi3Config": {},
    "GraniteConfig": {}, "Olmo2Config": {}, "GPTNeoXConfig": {},
    "GPT2Config": {"n_embd": 64, "n_layer": 2, "n_head": 2},
    "MixtralConfig": {"num_local_experts": 2}, "PhimoeConfig": {"num_local_experts": 2},
}  # fmt: skip


@pytest.mark.parametrize("config", GOOD)
@pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
def test_each_architecture_as_transformers_builds_it_is_taken(
    workspace: Workspace, model: Path, config: str, tied: bool
) -> None:
    ends = {"bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 0}
    sizes = GOOD[config] if config == "GPT2Config" else SMALL | GOOD[config]
    built = getattr(transformers, config)(vocab_size=259, tie_word_embeddings=tied, **ends, **sizes)
    AutoModelForCausalLM.from_config(built, dtype=torch.bfloat16).save_pretrained(model)
    imported = import_from(model, workspace)
    assert {path.name for path in imported.iterdir()} == {path.name for path in model.iterdir()}


@pytest.mark.parametrize("change", [sharded, lambda folder: None], ids=["sharded", "one file"])
def test_the_same_weights_in_another_format_are_left_behind(workspace: Workspace, model: Path, change: Break) -> None:
    change(model)
    due = {path.name for path in model.iterdir()}
    save_file({"layers.0.attention.wq.weight": torch.zeros(4)}, model / "consolidated.safetensors")
    (model / "consolidated.safetensors.index.json").write_text('{"weight_map": {}}')
    (model / "params.json").write_text("{}")
    assert {path.name for path in import_from(model, workspace).iterdir()} - {"params.json"} == due


def test_a_padded_embedding_and_a_padding_token_beyond_it_are_taken(workspace: Workspace, model: Path) -> None:
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.add_special_tokens([AddedToken(f"<pad{number}>", special=True) for number in range(70)])
    tokenizer.save(str(model / "tokenizer.json"))
    config = LlamaConfig.from_pretrained(model, vocab_size=320)
    LlamaForCausalLM(config).save_pretrained(model)
    assert import_from(model, workspace)


def test_a_base_model_with_another_head_is_taken_as_the_start_of_a_scorer(workspace: Workspace, model: Path) -> None:
    AutoModelForCausalLM.from_pretrained(model).model.save_pretrained(model)
    assert import_from(model, workspace, kind="base")


def test_a_scorer_without_its_head_is_refused_and_with_it_taken(
    workspace: Workspace, tiny_scorer: Path, tmp_path: Path
) -> None:
    scorer = Path(shutil.copytree(tiny_scorer, tmp_path / "scorer"))
    assert import_from(scorer, workspace)
    weights(lambda tensors: {name: value for name, value in tensors.items() if name != "score.weight"})(scorer)
    with pytest.raises(InputError, match=r"missing: score\.weight"):
        import_from(scorer, workspace)


@pytest.mark.slow
@pytest.mark.parametrize("name", VOCABULARIES)
def test_the_imported_copy_of_a_real_vocabulary_is_loaded_by_others_as_by_us(
    workspace: Workspace, tmp_path: Path, name: str
) -> None:
    VOCABULARIES[name](tmp_path / "model")
    ours = load_tokenizer(tmp_path / "model")
    config = LlamaConfig(
        vocab_size=len(ours), hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1
    )
    config.bos_token_id, config.eos_token_id = None, ours.eos_token_id
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(tmp_path / "model")
    theirs = AutoTokenizer.from_pretrained(import_from(tmp_path / "model", workspace, kind="base"))
    text = "What is 2 + 2?\n\nSo $x^{2}$ and  π."
    assert theirs(text)["input_ids"] == ours(text)["input_ids"]
    assert theirs.decode(theirs(text, add_special_tokens=False)["input_ids"]) == text
