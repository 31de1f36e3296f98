"""Searches seeds and prompts under a budget: strategies, latent distances, and their tables.

A strategy decides which recipes to try; a latent distance measures how far each result is from the
target. The settings name both by the keys of the tables below. ``case_search.search_cases`` runs
them.
"""

from __future__ import annotations

from seedwitness.search.halving import successive_halving
from seedwitness.search.latent_distance import DistanceFactory, make_latent_rms_distance
from seedwitness.search.strategy import Strategy
from seedwitness.search.subset_simulation import subset_simulation
from seedwitness.search.sweep import sweep
from seedwitness.search.variations import variations

STRATEGIES: dict[str, Strategy] = {
    "sweep": sweep,
    "halving": successive_halving,
    "variations": variations,
    "subset-simulation": subset_simulation,
}
DISTANCES: dict[str, DistanceFactory] = {"latent-rms": make_latent_rms_distance}
