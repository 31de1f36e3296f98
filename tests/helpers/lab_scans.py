"""Scanning outputs of the lab for their seeds, for tests."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from seedwitness.attribution.seed_attribution import Attribution, attribute_to_seed
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.reading import load_section
from seedwitness.config.steps import RecipeFitSettings, ScanSettings, SearchSettings
from seedwitness.engine.sampling import decode_latents
from seedwitness.engine.shard_computation import sample_recipes
from seedwitness.records.recipe import Recipe
from seedwitness.records.target import Claim

ROOT = Path(__file__).parents[2]
LAB = ROOT / "data" / "lab" / "checkpoints"
PROMPT = "painting of a cactus, dusk colours, gouache on paper"
RECIPE = Recipe(PROMPT, 40_503, 128, 128, "euler", 10, 3.0)
FIT = {
    "guidances": [1.0, 3.0, 7.5],
    "samplers": ["ddim", "euler", "euler-a"],
    "steps": [5, 10],
}
SCAN = ScanSettings(
    rng_algorithms=["torch-cpu", "philox-nv"],
    end_seed=65_536,
    looks=["first-noise", "step-noise", "inversion"],
    step_counts=[10, 15],
    steps=10,
    recipe_fit=RecipeFitSettings(**FIT),
)


def load_lab() -> LoadedCheckpoint:
    """Load the checkpoint whose outputs are scanned."""
    return load_checkpoint(
        "lab", CheckpointSettings(family="diffusers", path=LAB / "lab-memorised")
    )


def make_image(lab: LoadedCheckpoint, recipe: Recipe) -> Image.Image:
    """Sample and decode a recipe, alone."""
    latents, _ = sample_recipes(lab, [recipe])
    pixels = decode_latents(lab.pipeline, latents, recipe.sampler)[0]
    return Image.fromarray(pixels.permute(1, 2, 0).contiguous().numpy())


def attribute(
    lab: LoadedCheckpoint,
    picture: Image.Image,
    ledger: Path,
    *claims: Claim,
    prompts: tuple[str, ...] = (PROMPT,),
    settings: ScanSettings = SCAN,
    hidden: Sequence[tuple[int, int, int, int]] = (),
) -> Attribution:
    """Scan for a picture with the settings of the tests."""
    search = load_section(SearchSettings, "search", path=ROOT / "params.yaml")
    return attribute_to_seed(
        lab, "it", picture, prompts, claims, settings, search, hidden=hidden, ledger=ledger
    )
