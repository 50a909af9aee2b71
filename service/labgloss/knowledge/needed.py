"""What the engine names itself: a release without one of these may not serve."""

ANALYTES = frozenset(
    {
        "albumin",
        "calcium_adjusted",
        "calcium_ionised",
        "calcium_total",
        "creatinine",
        "crp",
        "free_haemoglobin",
        "haemolysis_index",
        "magnesium",
        "potassium",
        "vitamin_d_25oh",
        "vitamin_d_25oh_d2",
        "vitamin_d_25oh_d3",
    }
)
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
        "duplicate_result",
        "haemolysed",
        "interval_unreadable",
        "laboratory_flag_disagrees",
        "policy_not_applicable",
        "result_unreliable",
        "text_not_recognised",
        "unit_suspect",
        "value_to_verify",
    }
)
RECOMMENDATIONS = frozenset({"PHONE_CRITICAL_RESULT", "REQUEST_NUMERIC_RESULT"})
# Findings that the engine computes from several results, and facts of the request.
COMPUTED_FINDINGS = frozenset({"AKI"})
PATIENT_FACTS = frozenset({"symptoms_unknown", "pregnant"})
