"""Statistics of evidence: rates with intervals, ranks among controls. Needs no torch."""
