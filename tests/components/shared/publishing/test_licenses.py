from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from components.import_model.config import ImportModelConfig
from components.package_dataset.config import PackageDatasetConfig
from components.package_dataset.step import run as package_dataset
from components.shared.config import PartsConfig, option
from components.shared.errors import InputError
from components.shared.publishing.licenses import check_identifier, forbidding, license_in_card, terms_of
from components.shared.records import Response
from components.shared.workspace import Workspace
from components.shared.workspace.plans import Slice
from tests.components.package_dataset.test_step import response

LLAMA_3 = "META LLAMA 3 COMMUNITY LICENSE AGREEMENT\nMeta Llama 3 Version Release Date: April 18, 2024\n"
NC = "Attribution-NonCommercial 4.0 International\n\n=======\n\nCreative Commons Corporation"
RESEARCH = "Qwen RESEARCH LICENSE AGREEMENT\n\nQwen RESEARCH LICENSE AGREEMENT Release Date: September 19, 2024"
APACHE = "                                 Apache License\n                           Version 2.0, January 2004"
RAIL = "DEEPSEEK LICENSE AGREEMENT\n\nVersion 1.0\n\nfree for commercial and non-commercial use, for research"


@pytest.mark.parametrize("known", ["apache-2.0", "mit", "cc-by-4.0", "llama3.1", "other", "unknown"])
def test_identifiers_of_hubs_are_accepted(known: str) -> None:
    assert check_identifier(known) == ""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("MIT", "mit"),
        ("apache2", "apache-2.0"),
        ("cc-by", "cc-by-4.0"),
        ('MIT"><script>', "Expected an identifier"),
        ("", "apache-2.0"),
    ],
)
def test_another_licence_is_refused_with_what_may_be_meant(workspace: Workspace, given: str, meant: str) -> None:
    with pytest.raises(InputError, match=r"--license .* is no licence that hubs know") as refused:
        PackageDatasetConfig(workspace=workspace.uri, responses="x", license=given)
    assert meant in str(refused.value)


@pytest.mark.parametrize(
    ("text", "license_", "is_forbidden"),
    [
        (LLAMA_3, "apache-2.0", True),
        (LLAMA_3, "llama3", False),
        (NC, "mit", True),
        (NC, "cc-by-nc-4.0", False),
        (RESEARCH, "cc-by-4.0", True),
        (NC, "other", False),
        (NC, "unknown", False),
        (APACHE, "mit", False),
        (RAIL, "mit", False),
    ],
)
def test_what_the_licence_of_a_model_forbids_is_refused(text: str, license_: str, is_forbidden: bool) -> None:
    told = forbidding(license_, {"hf://org/name@1": [text]})
    assert bool(told) == is_forbidden
    assert all("hf://org/name@1 has " in each and "accepted: " in each for each in told)


@pytest.mark.parametrize(
    "text",
    [
        "CC BY-NC 4.0",
        "cc-by-nc-sa-4.0",
        "CC BY NC ND 3.0",
        "Attribution Non Commercial 4.0 International",
        "Attribution-NonCommercial-ShareAlike 4.0 International",
        "You may use the model for non-commercial purposes.",
        "solely for noncommercial\npurposes",
        "STABILITY AI NON-COMMERCIAL RESEARCH COMMUNITY LICENSE AGREEMENT",
        "The weights are for research use only.",
    ],
)
def test_terms_without_commercial_use_are_known_in_each_spelling(text: str) -> None:
    terms = terms_of(text)
    assert terms
    assert terms.name == "a licence without commercial use"


@pytest.mark.parametrize(
    "text",
    [
        "Attribution 4.0 International",
        "for any commercial or non-commercial purposes",
        "for commercial and non-commercial purposes",
        "CC BY-ND 4.0",
        RAIL,
        APACHE,
    ],
)
def test_terms_with_commercial_use_forbid_nothing(text: str) -> None:
    assert terms_of(text) is None


@pytest.mark.parametrize(
    ("stated", "license_", "is_forbidden"),
    [
        ("license: cc-by-nc-4.0", "mit", True),
        ("license: cc-by-nc-4.0", "cc-by-nc-4.0", False),
        ("license:\n- cc-by-nc-4.0", "mit", True),
        ("license: other\nlicense_name: qwen-research\nlicense_link: LICENSE", "mit", True),
        ("license: llama2", "apache-2.0", True),
        ("license: llama3", "apache-2.0", True),
        ('license: "llama2"', "mit", True),
        ("license: 'llama3'", "mit", True),
        ("license:\n- llama2", "mit", True),
        ("license:\n  - mit\n  - llama2", "mit", True),
        ("license: [llama2]", "mit", True),
        ("license: [\n  llama2\n]", "mit", True),
        ("license: >-\n  llama2", "mit", True),
        ("license: llama2  # of Meta", "mit", True),
        ("license: Llama2", "mit", True),
        ("license: other\nlicense_name: llama3", "mit", True),
        ("license_name: meta-llama-3-community-license", "mit", True),
        ("license_name: Meta Llama 3 Community License Agreement", "mit", True),
        ("license_name: llama-2\nlicense: llama2", "llama2", False),
        ("license_name: llama-2\nlicense: llama2", "mit", True),
        ("license: apple-amlr", "mit", True),
        ("license: intel-research", "mit", True),
        ("license: h-research", "mit", True),
        ("license: other\nlicense_link: https://creativecommons.org/licenses/by-nc/4.0/", "mit", True),
        ("license: other\nlicense_name: cc-by-nc-4.0: with a colon", "mit", True),
        ("license: llama2\nlicense_name: x: y", "mit", True),
        ('license: llama2\nlicense_name: "x', "mit", True),
        ("license: llama2\nlicense_name: @x", "mit", True),
        ("license: llama2\nlicense: mit", "mit", True),
        ("license: llama2, mit", "mit", True),
        ("license: mit\nlicense_name: openresearch-ok", "mit", False),
        ("license: mit\nlicense_name: x: y", "mit", False),
        ("license: other\nlicense_name: llama-3.2", "mit", False),
        ("license: mit\nlicense_link: https://example.org/ai-research/LICENSE", "mit", False),
        ("license: [mit, apache-2.0]", "mit", False),
        ("license:", "mit", False),
        ("license: apple-ascl", "mit", False),
        ("license: llama3.1", "apache-2.0", False),
        ("license: apache-2.0", "mit", False),
        ("library_name: transformers", "mit", False),
    ],
)
def test_the_licence_that_a_models_card_states_is_known(stated: str, license_: str, is_forbidden: bool) -> None:
    card = f"---\nbase_model: org/cc-by-nc-name\n{stated}\ntags:\n- by-nc\n---\n# A model\nlicense: cc-by-nc-4.0\n"
    text = license_in_card(card)
    assert bool(text) == stated.startswith("license")
    assert len(forbidding(license_, {"hf://org/name@1": [text, text]})) == is_forbidden
    assert license_in_card(f"# A model\n{stated}\n") == ""


def test_nothing_is_known_of_a_text_without_terms() -> None:
    assert terms_of("All rights reserved.") is None


@dataclass(frozen=True, kw_only=True)
class AnsweredConfig(PartsConfig):
    """Responses of a model."""

    model: str = option(help="the model's folder", is_folder=True)

    step = "generate_responses"


def answered_by_a_model(workspace: Workspace, directory: Path, license_text: str) -> str:
    """Return responses whose model came with a licence."""
    directory.mkdir()
    (directory / "LICENSE").write_text(license_text)
    importing = ImportModelConfig(workspace=workspace.uri, source=str(directory))
    model = workspace.open(importing).begin_model().finish(directory, metrics={})
    folder = workspace.open(AnsweredConfig(workspace=workspace.uri, model=model)).begin_rows(
        Response, [Slice(start=0, stop=1)]
    )
    for part in folder.missing_parts():
        part.settle(0, kept=[response(1)])
    return folder.finish()


def test_the_licence_of_a_used_model_is_read_from_its_folder(workspace: Workspace, tmp_path: Path) -> None:
    responses = answered_by_a_model(workspace, tmp_path / "model", NC)
    config = PackageDatasetConfig(workspace=workspace.uri, responses=responses, license="mit")
    with pytest.raises(InputError, match=r"--license mit: .*model has a licence without commercial use"):
        package_dataset(config, workspace)
    config = PackageDatasetConfig(workspace=workspace.uri, responses=responses, license="cc-by-nc-4.0")
    assert package_dataset(config, workspace)
