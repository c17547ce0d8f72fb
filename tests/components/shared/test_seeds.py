from __future__ import annotations

from components.shared.seeds import derive_fraction, derive_seed
from tests.source_tree import imports_of, name_of, python_files

# What is hashed there is content (rows, files, a text's stand-in score, a machine's name), never a draw.
HASHES_OF_CONTENT = {
    "components/compare_solvers/columns.py",
    "components/deduplicate/index.py",
    "components/import_questions/benchmark_source.py",
    "components/import_questions/step.py",
    "components/package_dataset/diversity.py",
    "components/package_dataset/forms.py",
    "components/shared/models/_node_cache.py",
    "components/shared/processes.py",
    "components/shared/publishing/audits.py",
    "components/shared/scoring/_scripted_scorer.py",
    "components/shared/stores/storage.py",
    "components/shared/stores/transfers.py",
    "components/shared/texts/leaks.py",
    "components/shared/texts/ngrams.py",
    "components/shared/jobs/folder_names.py",
    "components/shared/report/report_page.py",
    "components/shared/report/row_figures.py",
    "components/shared/upkeep/_object_checks.py",
    "components/shared/workspace/_gathered_ledgers.py",
    "components/shared/workspace/_model_folders.py",
    "components/shared/workspace/_descriptions.py",
    "components/shared/workspace/plans.py",
    "components/shared/workspace/row_sources.py",
    "components/shared/workspace/tables.py",
}


def test_a_seed_belongs_to_all_its_names_and_to_their_borders() -> None:
    seeds = {derive_seed(0, "a", 1), derive_seed(1, "a", 1), derive_seed(0, "b", 1), derive_seed(0, "a", 2)}
    assert len(seeds) == 4
    assert derive_seed("ab", "c") != derive_seed("a", "bc")
    assert derive_seed(0, "a", 1) == derive_seed(0, "a", 1)


def test_a_seed_and_its_samples_fit_into_64_bits() -> None:
    assert all(0 <= derive_seed("x", number) < 2**48 for number in range(1000))


def test_fractions_are_spread_evenly() -> None:
    fractions = [derive_fraction("row", number) for number in range(2000)]
    assert all(0 <= fraction < 1 for fraction in fractions)
    assert abs(sum(fractions) / len(fractions) - 0.5) < 0.03


def test_draws_are_written_nowhere_else() -> None:
    hashing = {name_of(each.path) for each in imports_of(python_files("components")) if each.module == "hashlib"}
    assert hashing - {"components/shared/seeds.py"} == HASHES_OF_CONTENT
