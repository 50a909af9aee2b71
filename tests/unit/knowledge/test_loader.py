"""Files to a release. Faults: tests/broken_knowledge."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from labgloss.errors import KnowledgeError
from labgloss.knowledge.expression import parse_expression
from labgloss.knowledge.loader import DATA, load
from labgloss.knowledge.release import ENGINE_VERSION, DerivedFinding, Release, deciding, reads


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "data"
    shutil.copytree(DATA, copy)
    return copy


def test_the_same_files_have_the_same_digest(release: Release, folder: Path) -> None:
    assert load(folder).reference == release.reference
    assert release.reference.engine == ENGINE_VERSION
    assert len(release.reference.digest) == len(hashlib.sha256().hexdigest())


def test_one_byte_anywhere_changes_the_digest(release: Release, folder: Path) -> None:
    with (folder / "analytes" / "zinc.toml").open("a") as file:
        file.write("#")
    assert load(folder).reference.digest != release.reference.digest


def test_specs_are_no_part_of_the_release(release: Release, folder: Path) -> None:
    for path in folder.rglob("*.specs.toml"):
        path.unlink()
    assert load(folder).reference.digest == release.reference.digest


def test_a_file_that_is_renamed_changes_the_digest(folder: Path) -> None:
    before = load(folder).reference.digest
    (folder / "patterns" / "vitamin_d.toml").rename(folder / "patterns" / "vitamin_d_and_calcium.toml")
    assert load(folder).reference.digest != before


def test_a_byte_order_mark_is_no_part_of_a_file(folder: Path) -> None:
    file = folder / "release.toml"
    file.write_bytes("\ufeff".encode() + file.read_bytes())
    assert load(folder).file == load().file


@pytest.mark.parametrize("name", ["release.toml", "associations.toml", "patterns/drugs.toml", "analytes/zinc.toml"])
@pytest.mark.parametrize("content", ["", "# nothing"])
def test_a_file_that_holds_nothing_is_named(folder: Path, name: str, content: str) -> None:
    (folder / name).write_text(content)
    with pytest.raises(KnowledgeError) as error:
        load(folder)
    assert str(error.value) == f"{name}: holds nothing; put back what it held, or take it away"


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "knowledge"
    with pytest.raises(KnowledgeError) as error:
        load(missing)
    assert str(error.value) == f"{missing}: is not a folder; give the folder of the knowledge files"


def test_every_analyte_of_the_vocabulary_is_loaded_and_no_other(release: Release) -> None:
    """vocabulary.md 1."""
    assert set(release.analytes) == set(
        """
        magnesium calcium_total calcium_adjusted calcium_ionised vitamin_d_25oh vitamin_d_25oh_d3
        vitamin_d_25oh_d2 potassium albumin creatinine egfr phosphate pth alp sodium chloride bicarbonate urea
        glucose ck urate ldh myoglobin myoglobin_urine tsh free_t4 crp esr vitamin_d_1_25oh2 pthrp digoxin
        lithium cortisol aldosterone renin osmolality osmolality_urine ph ketones lipase total_protein
        haemolysis_index free_haemoglobin platelets wbc zinc edta ttg_iga sodium_urine potassium_urine
        chloride_urine calcium_urine calcium_creatinine_urine magnesium_urine creatinine_urine cccr fe_magnesium
        magnesium_ionised magnesium_red_cell potassium_red_cell calcium_protein_adjusted
        calcium_ionised_calculated calcium_ionised_ph74 vitamin_d_parent
        """.split()
    )


@pytest.mark.parametrize(
    ("code", "analyte"),
    [
        ("2601-3", "magnesium"),
        ("29265-6", "calcium_adjusted"),
        ("1994-3", "calcium_ionised"),
        ("68438-1", "vitamin_d_25oh"),
        ("1989-3", "vitamin_d_25oh_d3"),
        ("2823-3", "potassium"),
        ("13959-2", "calcium_ionised_calculated"),
        ("18281-6", "calcium_protein_adjusted"),
    ],
)
def test_a_code_names_its_analyte(release: Release, code: str, analyte: str) -> None:
    assert release.codes[code].analyte == analyte


def test_a_rule_comes_after_what_it_reads(release: Release) -> None:
    order = [rule.id for rule in release.rule_order]
    assert order.index("TETANY_OR_LATENT_TETANY") < order.index("MG_LOW_WITH_SECONDARY_HYPOCALCAEMIA")
    assert len(order) == len(set(order)) == len(release.patterns) + len(release.red_flags) + len(release.derived)


def test_what_a_request_may_choose_is_listed(release: Release) -> None:
    """vocabulary.md 15."""
    assert set(release.vitamin_d_policies) == {
        "nam_2011", "grc_2016", "ros_2018", "nos_2013", "sacn_2016", "efsa_2016", "es_2011", "es_2024", "aace_2020",
        "ags_2014", "mayo_lab", "kdigo_ckdmbd_2017", "kdoqi_legacy",
    }  # fmt: skip
    assert set(release.critical_limit_sets) == {
        "default", "rcpath", "us_13", "us_6_5", "us_survey", "us_lab_by_age", "royal_melbourne", "davis",
    }  # fmt: skip
    assert set(release.interval_variants) == {
        "default", "mayo", "mayo_sex_split", "davis_tietz", "tietz_adult", "abim", "us_regional_paediatric",
        "uk_biobank_99", "hospital_data_set", "rcpa_aacb", "caliper", "us_adult_mg", "diasys", "nhanes", "magnet_0_85",
        "abbassi_ghanavati", "meriter_newborn", "harmony_uk", "aacb", "k_set_a", "k_set_b", "k_set_c", "nordic",
    }  # fmt: skip


def test_a_rule_stands_after_every_rule_that_decides_it(release: Release) -> None:
    """Through groups, and through findings that read patterns."""
    place = {rule.id: number for number, rule in enumerate(release.rule_order)}
    for rule in release.rule_order:
        if isinstance(rule, DerivedFinding):
            logic = [row.when for row in rule.rows if row.when is not None]
        else:
            logic = list(deciding(rule))
        for read in reads(logic, release.groups, release.derived):
            assert place[read.removeprefix("finding.")] < place[rule.id], f"{rule.id} reads {read}"


def test_what_an_expression_reads_is_found_through_groups(release: Release) -> None:
    held = parse_expression({"all": ["group.low_magnesium_with_low_calcium_alarm", "finding.MG_LOW_NORMAL"]})
    found = reads([held], release.groups, ["MG_LOW_NORMAL"])
    assert found >= {"TETANY_OR_LATENT_TETANY", "SYMPTOMATIC_HYPOCALCAEMIA", "finding.MG_LOW_NORMAL"}
    assert reads([held], release.groups) == found - {"finding.MG_LOW_NORMAL"}
    assert reads([held], {}) == frozenset()
