"""Seed scan and recipe fitting on a checkpoint of the lab: real weights, real seeds."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from lab_scans import LAB, PROMPT, RECIPE, SCAN, attribute, load_lab, make_image
from PIL import Image

from seedwitness.attribution.autoencoder_scan import scan_by_autoencoder
from seedwitness.attribution.claimed_recipes import list_unused_settings
from seedwitness.attribution.looks import plan_looks
from seedwitness.checkpoints.autoencoder import load_autoencoder
from seedwitness.checkpoints.loading import LoadedCheckpoint, load_checkpoint
from seedwitness.engine.sampler_names import find_tool_sampler, translate_sampler
from seedwitness.errors import ConfigError
from seedwitness.records.recipe import OWN_GENERATOR, Recipe
from seedwitness.records.target import Claim, ClaimedLora, ClaimedVariation


@pytest.fixture(scope="module")
def lab() -> LoadedCheckpoint:
    return load_lab()


@pytest.mark.parametrize("rng", ["torch-cpu", "torch-cpu-float16", "philox-nv"])
def test_seed_and_recipe_of_an_output_are_recovered(
    lab: LoadedCheckpoint, rng: str, tmp_path: Path
) -> None:
    recipe = Recipe(PROMPT, 40_503, 128, 128, "euler", 10, 3.0, rng=rng)
    picture = make_image(lab, recipe)
    settings = SCAN.model_copy(
        update={"rng_algorithms": list(dict.fromkeys([*SCAN.rng_algorithms, rng]))}
    )
    found = attribute(lab, picture, tmp_path, settings=settings)
    best = found.scan.seeds[0]
    assert (best.seed, best.rng, best.recovered) == (40_503, rng, True)
    assert best.p < 1e-10
    assert not any(each.recovered for each in found.scan.seeds[1:])
    assert found.scan.regenerated is not None
    assert found.scan.regenerated.recipe == recipe
    assert found.picture is not None
    assert np.array_equal(np.array(found.picture), np.array(picture))
    assert found.scan.regenerated.matches_round_trip


@pytest.mark.parametrize(
    ("rng", "step_seed"),
    [
        pytest.param("torch-cpu", OWN_GENERATOR, id="diffusers"),
        pytest.param("philox-nv", OWN_GENERATOR, id="AUTOMATIC1111"),
        pytest.param("torch-cpu", 40_503, id="ComfyUI"),
        pytest.param("torch-cpu", 40_503 ^ 0xFFFFFFFF, id="InvokeAI"),
        pytest.param("torch-cpu", 40_503 + 31_337, id="ENSD"),
    ],
)
def test_an_ancestral_samplers_seed_and_recipe_are_recovered(
    lab: LoadedCheckpoint, rng: str, step_seed: int, tmp_path: Path
) -> None:
    """However the tool draws the noise of the steps."""
    recipe = replace(RECIPE, sampler="euler-a", rng=rng, step_seed=step_seed)
    generator = recipe.seed if step_seed == OWN_GENERATOR else step_seed
    first = max(0, generator - 1024)
    settings = SCAN.model_copy(update={"first_seed": first, "end_seed": first + 2048})
    picture = make_image(lab, recipe)
    found = attribute(lab, picture, tmp_path, settings=settings).scan
    best = found.seeds[0]
    assert (best.seed, best.rng, best.recovered) == (generator, rng, True)
    assert (best.look.kind, best.look.steps) == ("step-noise", 10)
    assert best.look.restarted == (step_seed != OWN_GENERATOR)
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (recipe, 0)


def test_a_seed_is_found_by_the_autoencoder_alone(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    picture = make_image(lab, RECIPE)
    loaded = load_autoencoder(LAB / "lab-memorised")
    arguments = (loaded.vae, "vae", loaded.sha256, "it", picture, ())
    found = scan_by_autoencoder(*arguments, SCAN, ledger=tmp_path)
    best = found.seeds[0]
    assert (best.seed, best.recovered, best.look.kind) == (40_503, True, "first-noise")
    assert [each.kind for each in found.looks] == ["first-noise"] * 2 + ["step-noise"]
    assert [len(each.looks) for each in found.looks[:2]] == [1, 1]  # as it is, and mirrored
    with pytest.raises(ConfigError, match=r"it, 123 × 128, are no multiples of 8 pixels"):
        scan_by_autoencoder(*arguments[:4], picture.resize((123, 128)), (), SCAN, ledger=tmp_path)


def test_a_claimed_variation_is_tried(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    recipe = RECIPE.with_variation(42, 0.2)
    claim = Claim(
        tool="AUTOMATIC1111",
        prompt=PROMPT,
        seed=recipe.seed,
        steps=10,
        guidance=3.0,
        sampler="Euler",
        variations=[ClaimedVariation(seed=42, strength=0.2)],
    )
    found = attribute(lab, make_image(lab, recipe), tmp_path, claim).scan
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (recipe, 0)
    # The claim is tried first, in its tool's way too, and nothing after it.
    assert found.regenerated.tried == 3


def test_the_noise_of_a_strong_variation_leads_to_the_claimed_seed(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    recipe = RECIPE.with_variation(2**33 + 99_000, 0.85)
    claim = Claim(
        tool="SwarmUI",
        prompt=PROMPT,
        seed=recipe.seed,
        steps=10,
        guidance=3.0,
        sampler="Euler",
        variations=[ClaimedVariation(seed=2**33 + 99_000, strength=0.85)],
    )
    settings = SCAN.model_copy(update={"rng_algorithms": ["torch-cpu"], "end_seed": 4096})
    found = attribute(lab, make_image(lab, recipe), tmp_path, claim, settings=settings).scan
    assert (found.seeds[0].seed, found.seeds[0].claimed) == (99_000, True)
    assert found.regenerated is not None
    assert found.regenerated.rms == 0
    assert found.regenerated.recipe.seed == recipe.seed
    assert found.regenerated.recipe.mixed_seeds == [(99_000, 0.85)]


def test_a_claimed_batch_of_odd_size_is_drawn_at_once(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    """As ComfyUI makes it: 88 × 88 pixels are 968 elements, which 16 does not divide."""
    recipe = replace(RECIPE, width=88, height=88, batch_size=3)
    claim = Claim(tool="ComfyUI", prompt=PROMPT, seed=recipe.seed, steps=10, guidance=3.0,
                  sampler="euler", batch_size=3)  # fmt: skip
    settings = SCAN.model_copy(update={"rng_algorithms": ["torch-cpu"], "end_seed": 1024})
    found = attribute(lab, make_image(lab, recipe), tmp_path, claim, settings=settings).scan
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (recipe, 0)


def test_a_forged_sampler_beside_a_variation_is_left_out(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    """The noise of the steps of a varied seed is not known."""
    claim = Claim(tool="AUTOMATIC1111", prompt=PROMPT, seed=403, sampler="Euler a", steps=10,
                  variations=[ClaimedVariation(seed=42, strength=0.2)])  # fmt: skip
    settings = SCAN.model_copy(update={"end_seed": 1024})
    picture = make_image(lab, replace(RECIPE, seed=403))
    found = attribute(lab, picture, tmp_path, claim, settings=settings).scan
    assert found.regenerated is not None
    assert (found.regenerated.recipe.seed, found.regenerated.rms) == (403, 0)


def test_claimed_settings_that_cannot_be_tried_are_named(lab: LoadedCheckpoint) -> None:
    (unet,) = [part for part in lab.checkpoint.components if part.name == "unet"]
    own_hash = next(iter(unet.files.values()))[:10].upper()
    claim = Claim(
        tool="ComfyUI",
        seed=2**40,
        sampler="DPM++ 2M Karras",
        schedule="Align Your Steps",
        clip_skip=2,
        denoise=0.5,
        batch_size=4,
        model_hash=own_hash,
        vae="kl.pt",
        loras=[ClaimedLora(name="ink", weight=0.8), ClaimedLora(name="oil")],
    )
    assert list_unused_settings([claim, claim], lab.checkpoint, SCAN) == [
        f"seed {2**40} as a key of 64 bits, by philox-nv",
        "a batch of 4 pictures from one generator",
        "clip skip 2",
        "LoRA ink of weight 0.8",
        "LoRA oil",
        "schedule Align Your Steps",
        "VAE kl.pt",
        "denoising strength 0.5",
    ]
    other = Claim(
        tool="it", sampler="DPM adaptive", model_hash="abcdef1234", clip_skip=1, denoise=1
    )
    assert list_unused_settings([other], lab.checkpoint, SCAN) == [
        "model hash abcdef1234, which is of no file of the checkpoint",
        "sampler DPM adaptive",
    ]
    assert list_unused_settings([Claim(tool="it", seed=7)], lab.checkpoint, SCAN) == []
    odd = Claim(tool="it", vae="a\u202eb\x1b[31m")
    assert list_unused_settings([odd], lab.checkpoint, SCAN) == ["VAE aU+202EbU+001B[31m"]


@pytest.mark.parametrize(
    ("claimed", "known"),
    [
        ("Euler a", "euler-a"),
        ("k_euler_ancestral", "euler-a"),
        ("sample_dpmpp_2m", "dpmpp-2m"),
        ("DPM++ 2M Karras", "dpmpp-2m"),
        ("dpmpp_2m_k", "dpmpp-2m"),
        ("DDIM", "ddim"),
        ("UniPC", "unipc"),
        ("DPM++ SDE Karras", None),
        ("DPM adaptive", None),
        (None, None),
    ],
)
def test_samplers_are_known_by_the_names_of_the_tools(
    claimed: str | None, known: str | None
) -> None:
    assert translate_sampler(claimed) == known


@pytest.mark.parametrize(
    ("tool", "sampler", "schedule", "known"),
    [
        ("AUTOMATIC1111", "DPM++ 2M", "Karras", "a1111/dpmpp-2m/karras"),
        ("AUTOMATIC1111", "DPM++ 2M Karras", None, "a1111/dpmpp-2m/karras"),
        ("AUTOMATIC1111", "DPM++ SDE", "Automatic", "a1111/dpmpp-sde/karras"),
        ("AUTOMATIC1111", "Euler a", None, "a1111/euler-a/uniform"),
        ("AUTOMATIC1111", "DDIM", None, "a1111/ddim"),
        ("Forge", "DPM++ 2M SDE", "Automatic", "forge/dpmpp-2m-sde/exponential"),
        ("ComfyUI", "dpmpp_2m", "sgm_uniform", "comfyui/dpmpp-2m/sgm-uniform"),
        ("ComfyUI", "euler_ancestral", "normal", "comfyui/euler-a/uniform"),
        ("ComfyUI", "ddim", "ddim_uniform", "comfyui/euler/ddim-uniform"),
        ("ComfyUI", "uni_pc", "normal", None),
        ("ComfyUI", "euler", "turbo", None),
        ("InvokeAI", "euler", None, None),
        ("AUTOMATIC1111", None, "Karras", None),
    ],
)
def test_the_way_of_a_tool_is_found_by_its_names(
    tool: str, sampler: str | None, schedule: str | None, known: str | None
) -> None:
    assert find_tool_sampler(tool, sampler, schedule) == known


def test_the_way_of_a_claimed_tool_is_tried_and_every_pixel_agrees(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    recipe = replace(RECIPE, seed=403, sampler="a1111/dpmpp-2m/karras", steps=8)
    picture = make_image(lab, recipe)
    settings = SCAN.model_copy(update={"end_seed": 1024})
    claim = Claim(
        tool="AUTOMATIC1111",
        sampler="DPM++ 2M",
        schedule="Karras",
        steps=8,
        guidance=recipe.guidance,
        prompt=recipe.prompt,
        negative_prompt=recipe.negative_prompt,
    )
    found = attribute(lab, picture, tmp_path, claim, settings=settings).scan
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (recipe, 0)
    assert found.unused_settings == []


def test_a_negative_prompt_that_is_claimed_is_tried(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    recipe = replace(RECIPE, seed=403, negative_prompt="a lighthouse, night colours")
    picture, settings = make_image(lab, recipe), SCAN.model_copy(update={"end_seed": 1024})
    claim = Claim(tool="it", negative_prompt=recipe.negative_prompt)
    with_claim = attribute(lab, picture, tmp_path, claim, settings=settings).scan.regenerated
    without_claim = attribute(lab, picture, tmp_path, settings=settings).scan.regenerated
    assert with_claim is not None
    assert without_claim is not None
    assert (with_claim.recipe, with_claim.rms) == (recipe, 0)
    assert without_claim.rms > 1


def test_a_seed_is_recovered_in_half_precision(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    half = load_checkpoint("half", lab.settings.model_copy(update={"dtype": "bfloat16"}))
    recipe = replace(RECIPE, seed=403, steps=5, dtype="bfloat16")
    settings = SCAN.model_copy(update={"end_seed": 1024})
    found = attribute(half, make_image(half, recipe), tmp_path, settings=settings).scan
    assert (found.seeds[0].seed, found.seeds[0].recovered) == (403, True)
    assert found.regenerated is not None
    assert found.regenerated.recipe == recipe


def test_a_later_image_of_a_batch_is_recovered_with_more_draws(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    """As ComfyUI makes it: the third draw of one generator."""
    recipe = replace(RECIPE, batch_index=2)
    picture = make_image(lab, recipe)
    settings = SCAN.model_copy(update={"draws": 3})
    found = attribute(lab, picture, tmp_path, settings=settings).scan
    assert (found.seeds[0].noise, found.seeds[0].recovered) == ((40_503, "torch-cpu", 2), True)
    assert found.regenerated is not None
    assert (found.regenerated.recipe, found.regenerated.rms) == (recipe, 0)
    assert found.z_needed is not None
    assert found.z_needed > (attribute(lab, picture, tmp_path).scan.z_needed or 0)
    assert not any(each.recovered for each in attribute(lab, picture, tmp_path).scan.seeds)


def test_a_picture_from_elsewhere_has_no_seed(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    noise = np.random.default_rng(3).normal(size=(16, 16, 3))
    picture = Image.fromarray((128 + 40 * noise).clip(0, 255).astype(np.uint8))
    found = attribute(lab, picture.resize((128, 128), Image.Resampling.BICUBIC), tmp_path)
    assert not any(each.recovered for each in found.scan.seeds)
    assert (found.scan.regenerated, found.picture) == (None, None)
    assert list(found.scan.detectable_correlations) == ["first-noise", "step-noise", "inversion"]
    assert all(0.02 < least < 0.5 for least in found.scan.detectable_correlations.values())


def test_a_claimed_seed_outside_the_range_is_scored(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    settings = SCAN.model_copy(update={"end_seed": 4096, "rng_algorithms": ["torch-cpu"]})
    true, false = Claim(tool="it", seed=40_503), Claim(tool="it", seed=7)
    picture = make_image(lab, RECIPE)
    blind = attribute(lab, picture, tmp_path, settings=settings)
    assert not any(each.recovered or each.claimed for each in blind.scan.seeds)
    found = attribute(lab, picture, tmp_path, true, false, settings=settings)
    assert found.scan.seeds[0].seed == 40_503
    assert found.scan.seeds[0].recovered
    assert {each.seed for each in found.scan.seeds if each.claimed} == {40_503, 7}
    assert not next(each for each in found.scan.seeds if each.seed == 7).recovered


def test_a_claimed_seed_of_64_bits_is_reduced_as_by_torch(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    """As ComfyUI draws them."""
    large = 2**40 + 40_503
    noise = torch.randn(8, 16, 16, generator=torch.Generator().manual_seed(large))
    small = torch.randn(8, 16, 16, generator=torch.Generator().manual_seed(40_503))
    assert torch.equal(noise, small)
    settings = SCAN.model_copy(update={"end_seed": 4096})
    claim = Claim(tool="ComfyUI", seed=large)
    found = attribute(lab, make_image(lab, RECIPE), tmp_path, claim, settings=settings).scan
    # The other RNG algorithm makes another seed of it, which is not scanned.
    assert {each.rng for each in found.seeds if each.claimed} == {"torch-cpu"}
    assert (found.seeds[0].seed, found.seeds[0].recovered, found.seeds[0].claimed) == (
        40_503,
        True,
        True,
    )


def test_impossible_claims_change_nothing(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    picture = make_image(lab, RECIPE)
    forged = [
        Claim(tool="it", guidance=1e30, steps=10**9),
        Claim(tool="it", seed=-1, guidance=float("nan"), steps=-5),
        Claim(tool="it", guidance=-7.0, steps=0),
    ]
    found = attribute(lab, picture, tmp_path, *forged)
    plain = attribute(lab, picture, tmp_path).scan
    assert found.scan.model_copy(update={"unused_settings": []}) == plain
    assert found.scan.unused_settings == [
        "guidance 1e+30", "steps 1000000000", "guidance nan", "steps -5", "guidance -7", "steps 0"
    ]  # fmt: skip
    assert found.scan.regenerated is not None
    assert found.scan.regenerated.recipe == RECIPE


def test_a_size_that_the_checkpoint_cannot_make_is_not_scanned(
    lab: LoadedCheckpoint, tmp_path: Path
) -> None:
    for size, code in (((131, 128), "size-not-made"), ((2048, 1024), "target-too-large")):
        found = attribute(lab, Image.new("RGB", size, (9, 99, 199)), tmp_path)
        assert found.scan.obstacle is not None
        assert found.scan.obstacle.code == code
        values = found.scan.obstacle.values
        assert (values["width"], values["height"]) == size
        assert (found.scan.seeds, found.scan.z_needed) == ([], None)


def test_looks_are_those_of_the_settings_and_of_the_claims() -> None:
    settings = SCAN.model_copy(update={"prompts": 2})
    first, steps, found = plan_looks(["a", " ", "a", "b", "c"], settings, 7.5, 12)
    assert [each.kind for each in first] == ["first-noise"]
    assert [(each.steps, each.restarted) for each in steps] == [
        (10, False),
        (12, False),
        (15, False),
        (10, True),
        (12, True),
        (15, True),
    ]
    assert [(each.prompt, each.guidance) for each in found] == [
        ("", 1.0),
        ("a", 1.0),
        ("b", 1.0),
        ("a", 7.5),
        ("b", 7.5),
    ]


def test_an_unknown_rng_algorithm_is_refused(lab: LoadedCheckpoint, tmp_path: Path) -> None:
    settings = SCAN.model_copy(update={"rng_algorithms": ["torch-cuda"]})
    with pytest.raises(ConfigError, match="The RNG algorithm `torch-cuda` cannot be scanned"):
        attribute(lab, make_image(lab, RECIPE), tmp_path, settings=settings)
