"""CTCAE v5.0 as boundary tables, typed from MC 3.4 and DK 2.2 and 3.1, whose words stand above the cases.

A case is VALUE:GRADE, just outside, on and just inside each cut-off; grade 0 is inside the interval.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Table:
    """Cases of one analyte in one unit, with the interval that the laboratory sent."""

    analyte: str
    unit: str
    interval: tuple[str, str]
    cases: str

    @property
    def graded(self) -> list[tuple[str, int]]:
        """Values and their grades."""
        pairs = (case.split(":") for case in self.cases.split())
        return [(value, int(grade)) for value, grade in pairs]


TABLES = [
    # Hypocalcaemia, corrected mg/dL: 1 `>=8.0 and <LLN`, 2 `>=7.0 and <8.0`, 3 `>=6.0 and <7.0`, 4 `<6.0`
    # Hypercalcaemia, corrected mg/dL: 1 `>ULN and <=11.5`, 2 `>11.5 and <=12.5`, 3 `>12.5 and <=13.5`, 4 `>13.5`
    Table(
        "calcium_adjusted",
        "mg/dL",
        ("8.8", "10.4"),
        "5.9:4 5.99:4 6.0:3 6.9:3 6.99:3 7.0:2 7.9:2 7.99:2 8.0:1 8.7:1 8.79:1 8.8:0 "
        "10.4:0 10.41:1 10.5:1 11.5:1 11.51:2 11.6:2 12.5:2 12.51:3 12.6:3 13.5:3 13.51:4 13.6:4",
    ),
    # mmol/L: 1 `>=2.0 and <LLN`, 2 `>=1.75 and <2.0`, 3 `>=1.5 and <1.75`, 4 `<1.5`
    # mmol/L: 1 `>ULN and <=2.9`, 2 `>2.9 and <=3.1`, 3 `>3.1 and <=3.4`, 4 `>3.4`
    Table(
        "calcium_adjusted",
        "mmol/L",
        ("2.20", "2.60"),
        "1.49:4 1.499:4 1.5:3 1.74:3 1.749:3 1.75:2 1.99:2 1.999:2 2.0:1 2.19:1 2.199:1 2.20:0 "
        "2.60:0 2.601:1 2.61:1 2.9:1 2.901:2 2.91:2 3.1:2 3.101:3 3.11:3 3.4:3 3.401:4 3.41:4",
    ),
    # The laboratory's limits are LLN and ULN (R-RI-1), wherever they lie
    Table("calcium_adjusted", "mmol/L", ("2.05", "2.50"), "2.0:1 2.04:1 2.05:0 2.50:0 2.51:1 2.9:1"),
    Table("calcium_adjusted", "mg/dL", ("8.5", "10.1"), "8.0:1 8.4:1 8.5:0 10.1:0 10.2:1 11.5:1"),
    # Ionised mmol/L: 1 `>=1.0 and <LLN`, 2 `>=0.9 and <1.0`, 3 `>=0.8 and <0.9`, 4 `<0.8`
    # Ionised mmol/L: 1 `>ULN and <=1.5`, 2 `>1.5 and <=1.6`, 3 `>1.6 and <=1.8`, 4 `>1.8`
    Table(
        "calcium_ionised",
        "mmol/L",
        ("1.16", "1.32"),
        "0.79:4 0.799:4 0.8:3 0.89:3 0.899:3 0.9:2 0.99:2 0.999:2 1.0:1 1.15:1 1.159:1 1.16:0 "
        "1.32:0 1.321:1 1.33:1 1.5:1 1.501:2 1.51:2 1.6:2 1.601:3 1.61:3 1.8:3 1.801:4 1.81:4",
    ),
    Table("calcium_ionised", "mmol/L", ("1.05", "1.40"), "1.0:1 1.04:1 1.05:0 1.40:0 1.41:1"),
    # Hypomagnesaemia mg/dL: 1 `>=1.2 and <LLN`, 2 `>=0.9 and <1.2`, 3 `>=0.7 and <0.9`, 4 `<0.7`
    # Hypermagnesaemia mg/dL: 1 `>ULN and <=3.0`, 2 none, 3 `>3.0 and <=8.0`, 4 `>8.0`
    Table(
        "magnesium",
        "mg/dL",
        ("1.7", "2.4"),
        "0.6:4 0.69:4 0.7:3 0.8:3 0.89:3 0.9:2 1.1:2 1.19:2 1.2:1 1.6:1 1.69:1 1.7:0 "
        "2.4:0 2.41:1 2.5:1 3.0:1 3.01:3 3.1:3 8.0:3 8.01:4 8.1:4",
    ),
    # mmol/L: 1 `>=0.5 and <LLN`, 2 `>=0.4 and <0.5`, 3 `>=0.3 and <0.4`, 4 `<0.3`
    # mmol/L: 1 `>ULN and <=1.23`, 2 none, 3 `>1.23 and <=3.30`, 4 `>3.30`
    Table(
        "magnesium",
        "mmol/L",
        ("0.70", "1.00"),
        "0.29:4 0.299:4 0.3:3 0.39:3 0.399:3 0.4:2 0.49:2 0.499:2 0.5:1 0.69:1 0.699:1 0.70:0 "
        "1.00:0 1.001:1 1.01:1 1.23:1 1.231:3 1.24:3 3.30:3 3.301:4 3.31:4",
    ),
    Table("magnesium", "mmol/L", ("0.85", "0.95"), "0.5:1 0.84:1 0.85:0 0.95:0 0.96:1 1.23:1"),
    # Hypokalaemia: "G1 < LLN-3.0", "G3 < 3.0-2.5", "G4 < 2.5": "3.0 -> G1/G2, 2.5 -> G3"; without symptoms G1
    # Hyperkalaemia: "G1 > ULN-5.5", "G2 > 5.5-6.0", "G3 > 6.0-7.0", "G4 > 7.0": "5.5 -> G1, 6.0 -> G2, 7.0 -> G3"
    Table(
        "potassium",
        "mmol/L",
        ("3.5", "5.3"),
        "2.4:4 2.49:4 2.5:3 2.9:3 2.99:3 3.0:1 3.4:1 3.49:1 3.5:0 "
        "5.3:0 5.31:1 5.4:1 5.5:1 5.51:2 5.6:2 6.0:2 6.01:3 6.1:3 7.0:3 7.01:4 7.1:4",
    ),
    Table("potassium", "mmol/L", ("3.8", "4.9"), "3.0:1 3.7:1 3.8:0 4.9:0 5.0:1 5.5:1"),
    # Hyponatraemia: "G1 < LLN-130; G2 125-129 asymptomatic; G3 125-129 symptomatic or 120-124; G4 < 120", where
    # "v6 rewrites 125-129 as 125 to < 130"; without symptoms G2 (DEC-65)
    # Hypernatraemia: "G1 > ULN-150; G2 > 150-155; G3 > 155-160; G4 > 160", "upper-inclusive"
    Table(
        "sodium",
        "mmol/L",
        ("133", "146"),
        "119:4 119.9:4 120:3 124:3 124.9:3 125:2 129:2 129.9:2 130:1 132:1 132.9:1 133:0 "
        "146:0 146.1:1 147:1 150:1 150.1:2 151:2 155:2 155.1:3 156:3 160:3 160.1:4 161:4",
    ),
    Table("sodium", "mmol/L", ("136", "145"), "130:1 135:1 136:0 145:0 146:1 150:1"),
    # Units that no criterion is written in are converted exactly, and not rounded (DEC-50)
    Table(
        "calcium_adjusted", "meq/L", ("4.4", "5.2"), "2.99:4 3.0:3 3.49:3 3.5:2 3.99:2 4.0:1 4.39:1 4.4:0 5.8:1 5.81:2"
    ),
    Table(
        "calcium_ionised",
        "meq/L",
        ("2.32", "2.64"),
        "1.59:4 1.6:3 1.79:3 1.8:2 1.99:2 2.0:1 2.31:1 2.32:0 3.0:1 3.01:2",
    ),
    Table("magnesium", "meq/L", ("1.4", "2.0"), "0.59:4 0.6:3 0.79:3 0.8:2 0.99:2 1.0:1 1.39:1 1.4:0 2.46:1 2.47:3"),
    Table("magnesium", "umol/L", ("700", "1000"), "299:4 300:3 399:3 400:2 499:2 500:1 699:1 700:0 1230:1 1231:3"),
    Table(
        "potassium", "meq/L", ("3.5", "5.3"), "2.4:4 2.5:3 2.9:3 3.0:1 3.4:1 3.5:0 5.5:1 5.6:2 6.0:2 6.1:3 7.0:3 7.1:4"
    ),
    # 2.5, 3.0, 5.5, 6.0 and 7.0 mmol/L are 9.7745, 11.7294, 21.5039, 23.4588 and 27.3686 mg/dL
    Table(
        "potassium",
        "mg/dL",
        ("13.7", "20.7"),
        "9.77:4 9.78:3 11.72:3 11.73:1 13.6:1 13.7:0 20.7:0 20.8:1 21.50:1 21.51:2 23.45:2 23.46:3 27.36:3 27.37:4",
    ),
    Table("sodium", "meq/L", ("133", "146"), "119:4 120:3 124:3 125:2 129:2 130:1 132:1 133:0 150:1 151:2 161:4"),
]
