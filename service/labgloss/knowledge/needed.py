"""What the engine names itself: a release without one of these may not serve."""

ANALYTES = frozenset(
    {
        "albumin",
        "calcium_adjusted",
        "calcium_ionised",
        "calcium_total",
        "creatinine",
        "crp",
        "egfr",
        "free_haemoglobin",
        "haemolysis_index",
        "magnesium",
        "ph",
        "potassium",
        "pth",
        "urea",
        "vitamin_d_25oh",
        "vitamin_d_25oh_d2",
        "vitamin_d_25oh_d3",
    }
)
# The total and its components: judged by a policy, never by an interval, and never critical (D11, D13).
TOTAL_VITAMIN_D, D3 = "vitamin_d_25oh", "vitamin_d_25oh_d3"
VITAMIN_D = frozenset({TOTAL_VITAMIN_D, D3, "vitamin_d_25oh_d2"})
# What a feed may send in mg/L by a signed setting (DEC-41).
MG_PER_LITRE = ("calcium_adjusted", "calcium_ionised", "calcium_total", "magnesium")
HAEMOLYSIS_INDEX = "haemolysis_index"
CAUTIONS = frozenset(
    {
        "acute_phase",
        "adjustment_low_confidence",
        "adjustment_not_valid",
        "albumin_missing",
        "calcium_discordant",
        "comparator_bound",
        "ctcae_grade_needs_symptoms",
        "d3_fraction_only",
        "epimer_interference_possible",
        "interval_default_used",
        "interval_supplied_not_used",
        "masked_low_possible",
        "near_cut_off",
        "not_primary_calcium",
        "outside_validated_scope",
        "preliminary_result",
        "provisional_haemolysis",
        "whole_blood_haemolysis_invisible",
    }
)
ISSUES = frozenset(
    {
        "albumin_implausible",
        "context_contradiction",
        "d3_code_used_for_total",
        "default_unit_used",
        "duplicate_result",
        "egfr_contradicts_creatinine",
        "haemolysed",
        "interval_implausible",
        "interval_unreadable",
        "laboratory_flag_disagrees",
        "local_code_disagrees",
        "policy_not_applicable",
        "result_missing",
        "result_unreliable",
        "text_not_recognised",
        "unit_suspect",
        "value_to_verify",
    }
)
RECOMMENDATIONS = frozenset({"PHONE_CRITICAL_RESULT", "REQUEST_NUMERIC_RESULT"})
RED_FLAGS = frozenset({"VALUE_ALONE"})
CONDITIONS = frozenset({"aki", "ecg_change", "recorded_well"})
# Findings with rows that the engine looks up by itself.
FINDINGS = frozenset({"CA_UPPER_NORMAL"})
# Findings that the engine computes from several results, or from what a result is not.
COMPUTED_FINDINGS = frozenset(
    {
        "AKI",
        "CA_HIGH_TWICE",
        "CA_IONISED_PH74_NORMAL",
        "CA_REFUSED_POSSIBLY_CRITICAL",
        "CA_TOTAL_HIGH",
        "CA_TOTAL_LOW",
        "CA_UPPER_NORMAL_TWICE",
        "K_PLASMA_SERUM_GAP",
        "K_RISE_FAST",
        "K_SERUM_PLASMA_GAP",
        "K_UNCHANGED",
        "MG_UNCHANGED",
        "PTH_PENDING",
        "REFEEDING_FALL_MILD",
        "REFEEDING_FALL_MODERATE",
        "REFEEDING_FALL_SEVERE",
        "UREA_CREAT_RATIO_HIGH",
    }
)
# Facts of the request, and what the report makes of its symptoms.
PATIENT_FACTS = frozenset({"any_symptom", "female", "no_symptoms", "pregnant", "red_flag_symptom", "symptoms_unknown"})
# Facts of one specimen, beside its findings and the classes of its results.
SPECIMEN_FACTS = frozenset(
    {
        "delayed",
        "edta_additive",
        "haemolysed",
        "haemolysed_again",
        "heparin",
        "plasma",
        "pneumatic_tube",
        "serum",
        "settled_by_pair",
        "whole_blood",
    }
)
CLASSES = ("low", "normal", "high")
