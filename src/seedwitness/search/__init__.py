"""Seeds and prompts under a budget: strategies, guides, and the ledger of what has been computed.

A strategy says which recipes to try, a guide how far each result is from the target. Both stand
here by name. ``cases.run`` runs them; ``running.run_recipes`` computes any recipes at all.
"""

from __future__ import annotations

from seedwitness.search.halving import successive_halving
from seedwitness.search.latent_distance import DistanceFactory, latent_rms_distance
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
DISTANCES: dict[str, DistanceFactory] = {"latent-rms": latent_rms_distance}
