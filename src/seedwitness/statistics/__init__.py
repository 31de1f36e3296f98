"""Ranks, rates, intervals, likelihood ratios, sample sizes. Needs no torch."""
