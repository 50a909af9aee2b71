"""labgloss explains a laboratory panel: what the results mean together, what else it could be, what to do next.

It supports a clinician's decision. It never diagnoses, orders or doses.
"""

__version__ = "0.2.0"
