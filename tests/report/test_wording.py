"""Every code of the closed set has a sentence, made of its values alone."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import pytest

from seedwitness.errors import RecordError
from seedwitness.imaging import alignment
from seedwitness.records.reasons import Reason, ReasonCode
from seedwitness.records.search import TargetResize
from seedwitness.report.wording import SENTENCES, word_reason
from seedwitness.report.wording.exclusion_sentences import EXCLUSIONS
from seedwitness.report.wording.generated_sentences import GENERATED
from seedwitness.report.wording.memorised_sentences import MEMORISED
from seedwitness.report.wording.phrases import RESIZE_RULES, word_resize
from seedwitness.report.wording.short_reasons import SHORT_REASONS, shorten_reason

PAGE = (Path(__file__).parents[2] / "docs" / "reason-codes.md").read_text(encoding="utf-8")
CODES = get_args(ReasonCode)

RANK = {
    "at_least_as_close": 3,
    "controls": 99,
    "p": 0.04,
    "family": 2,
    "p_family": 0.08,
    "alpha": 0.05,
}
ERROR_RATE = {"p": 0.01, "family": 1, "p_family": 0.01, "alpha": 0.05}
METRIC = {"metric": "descriptor", "label": "lab weights"}
SCAN = {
    "rng_algorithms": ["torch-cpu", "philox-nv"],
    "first_seed": 0,
    "last_seed": 4_194_303,
    "share": 2**-10,
    "is_complete": False,
    "first_noise_correlation": 0.17,
    "step_noise_correlation": 0.031,
    "inversion_correlation": 0.18,
}
SEED = {"seed": 77, "rng": "torch-cpu"}
RECIPE = {"tried": 31, "sampler": "euler", "steps": 25, "guidance": 4.5}
CLOSENESS = {"rms": 0.2, "round_trip_rms": 9.5}
SIZE = {"checkpoint": "memorised", "width": 2000, "height": 131}
BUDGET = {"nfe_left": 4, "budget_nfe": 100}
NO_COPY = {
    "trials": 59,
    "prompts_tried": 1,
    "prompts": 2,
    "copy_rate": 0.05,
    "probability": 0.95,
}
SET = {"works": 20, "held_out": 100, "p": 0.004, "alpha": 0.01, "is_paired": False}
NAMES = {"reference": "clean", "checkpoint": "memorised"}

EXAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "rank-at-most-alpha": (
        RANK | {"family": 1, "p_family": 0.04},
        "3 of 99 controls came at least as close as the target: p = 0.04. This is at most "
        "α = 0.05.",
    ),
    "rank-above-alpha": (
        RANK,
        "p = 0.04, and 0.08 adjusted by Holm for 2 cases. This is above α = 0.05.",
    ),
    "copies-counted": (
        {"copies": 16, "trials": 20},
        "16 of 20 trials are copies by the copy criterion.",
    ),
    "close-but-no-copy": ({"trials": 20}, "no trial is a copy: 0 of 20 trials"),
    "copies-but-controls-close": ({}, "controls came as close as the target"),
    "too-few-controls": (
        {"controls": 98, "family": 3, "p_min": 0.0303, "needed": 299},
        "98 controls are too few for a family of 3 cases: p could not fall below 0.0303. Set "
        "controls.count to 299 or more, or examine fewer checkpoints.",
    ),
    "case-is-reference": ({}, "This is the reference checkpoint"),
    "reference-no-blind-trials": ({}, "No trial has a blind seed"),
    "reference-gain-above-alpha": (
        RANK | {"checkpoint": "clean"},
        "gains no more over the reference checkpoint clean than the controls do: 3 of 99 controls "
        "gain at least as much by the same recipes, p = 0.04, and 0.08 adjusted by Holm for 2 "
        "cases. This is above α = 0.05",
    ),
    "reference-ranks-close": (
        {"checkpoint": "clean", "p": 0.01},
        "came closer than the controls too (p = 0.01)",
    ),
    "reference-copies-too": (
        {
            "checkpoint": "clean",
            "copies": 8,
            "trials": 9,
            "reference_copies": 6,
            "reference_trials": 7,
        },
        "in 6 of 7 blind trials; this checkpoint did in 8 of 9.",
    ),
    "own-output-not-excluded": (
        {"checkpoint": "mine", "share": 0.001, "step_share": 0.0, "missing": ["torch-cpu-float16"]},
        "in 0.1 % of all seeds, and for ancestral samplers in 0 %, and none by torch-cpu-float16. "
        "To scan them all, set scan=whole, scan.step_seeds=4294967296 and scan.rng_algorithms=[",
    ),
    "target-flat": (
        {"measure": "busy_tiles", "value": 0.0512, "minimum": 0.15},
        "5.1% of its tiles of 8 × 8 pixels have structure, and the minimum is 15.0%.",
    ),
    "blank-sheet-is-copy": (
        {"contrast": 0.1, "threshold": 0.15},
        "A sheet of one colour comes within 0.100 of the target by patch-l2",
    ),
    "target-among-controls": ({"control": "c7"}, "is among the controls, as c7"),
    "target-generated": (
        SEED,
        "this model or a close relative made it. A model's own output is easy for it to repeat, so "
        "this test cannot be used.",
    ),
    "reference-same-weights": (NAMES, "clean has the same weights as memorised"),
    "score-out-of-range": (
        {
            "table": "control-trials",
            "scores": 2,
            "metric": "lpips",
            "score": -0.5,
            "lowest": 0.0,
            "highest": None,
        },
        "2 of the scores by lpips, of trials of controls, are outside the metric's range (0 or "
        "more), for example -0.5.",
    ),
    "duplicate-images": (
        {"group": "controls", "first": "c0", "second": "c1"},
        "c0 and c1 of the controls are the same image",
    ),
    "control-also-learned": ({"image": "c0"}, "c0 is among the controls and among the learned"),
    "controls-in-corpus": (
        {"controls": 1, "control": "c7", "match": "seen/3.png"},
        "1 of the controls are in the corpus, for example c7 as seen/3.png.",
    ),
    "error-rate": (ERROR_RATE, "would rank this close in at most 1 % of such tests"),
    "error-rate-above-alpha": (ERROR_RATE | {"p": 0.4}, "ranks this close too often for a claim"),
    "error-rate-not-given": ({}, "No error rate is given"),
    "p-resolution": (
        {"controls": 99, "resolution": 0.01},
        "With 99 controls p cannot fall below 0.01.",
    ),
    "controls-stopped-early": (
        {"controls": 34, "planned": 299},
        "up to 299, in an order fixed beforehand, until so many were as close as the target that p "
        "is above α whatever the others show. That was after 34",
    ),
    "conditional-error-rate": (
        {"controls": 99, "alpha": 0.01, "bound": 0.0298},
        "The error rate α = 1 % is a mean over all sets of 99 controls. With the controls of this "
        "report it is at most 2.98 %, at 95 % confidence.",
    ),
    "lab-weights": ({"metrics": ["clip", "descriptor"]}, "published ones: clip, descriptor."),
    "control-left-out": ({"control": "c99"}, "was left out: c99."),
    "reference-latent-shape": (NAMES, "so the same seed gives other noise there"),
    "reference-kind": (
        NAMES
        | {
            "reference_prediction": "v_prediction",
            "reference_tokens": 99,
            "prediction": "epsilon",
            "tokens": 77,
        },
        "clean is of another kind than memorised: it predicts v_prediction from at most 99 tokens, "
        "and memorised predicts epsilon from at most 77 tokens.",
    ),
    "search-ended-at-copies": ({}, "ended as soon as it had enough copies"),
    "search-ended-early": (
        NO_COPY,
        "The search ended before its budget was spent. No copy was among 59 trials, of 1 of 2 "
        "prompts",
    ),
    "rarity-by-latent-distance": ({}, "is measured by the latent distance"),
    "trials-chosen-by-results": (
        {"strategy": "variations"},
        "The strategy variations chose its later trials",
    ),
    "prompt-more-specific": (
        {"bits": 90, "shorter": 98, "controls": 99},
        "takes 90 bits, more than the captions of 98 of 99 controls.",
    ),
    "reference-not-compared": ({}, "This is the reference checkpoint itself"),
    "provenance-stated": (
        {"date": "2019-05-01", "source": "a book", "checkpoint": "mine", "published": "2022-08-22"},
        "rests on a claim, which was not checked: it was there on 2019-05-01 by “a book”",
    ),
    "one-control-fewer": ({}, "one control fewer, in the worst case"),
    "ranked-by-metric": (METRIC, "ranked by descriptor (lab weights)"),
    "half-of-trials": ({"half": 2}, "half 2 of the trials"),
    "comes-back-as-learned": (
        {"checkpoint": "memorised"},
        "on memorised the target comes back for its prompts as the images that it is known to have "
        "learned",
    ),
    "comes-back-as-unseen": (
        {"checkpoint": "memorised"},
        "no more than images that it never saw. An image that was seen and not learned does the",
    ),
    "support": ({"strength": "strong", "favours": "H1"}, "strong support for H1"),
    "no-support": ({}, "no support for either"),
    "likelihood-case-excluded": ({}, "nothing can be concluded of this case"),
    "likelihood-no-stated-prompt": ({}, "only recovered prompts were tried"),
    "likelihood-misleads": ({"cllr": 1.034}, "their cost Cllr is 1.03 bits"),
    "likelihood-target-generated": ({}, "the noise of a seed is in the target"),
    "likelihood-controls-stopped": ({}, "drawn only until the rank was decided"),
    "likelihood-too-few-images": (
        {"learned": 9, "controls": 99, "needed": 10},
        "it needs at least 10 images that this checkpoint is known to have learned and 10 "
        "controls: 9 and 99 are known.",
    ),
    "likelihood-no-separation": ({}, "the metric does not separate the two"),
    "target-too-large": (
        SIZE | {"made_width": 128, "made_height": 96, "max_area_ratio": 4},
        "the target has 2,000 × 131 pixels, more than 4 times what memorised makes (128 × 96).",
    ),
    "size-not-made": (SIZE, "because memorised cannot make images of 2,000 × 131 pixels."),
    "size-only-placed": (
        {"checkpoint": "memorised", "sizes": ["512 × 512", "768 × 768"]},
        "was looked at as laid into images of 512 × 512 and 768 × 768 pixels.",
    ),
    "no-seed-candidate": (
        SCAN | {"is_complete": True},
        "No seed of all 2^32 by torch-cpu and philox-nv was recovered: none passed",
    ),
    "no-seed-recovered": (
        SCAN | SEED | {"z": 4.75, "p": 0.012, "z_needed": 6.13},
        "No seed from 0 to 4,194,303, 0.098 % of them all, by torch-cpu and philox-nv was "
        "recovered: the best, 77 by torch-cpu, reaches z = 4.75, and 6.13 is needed (family-wise "
        "p = 0.012). Noise with a correlation of at least 0.170 with what the initial noise leaves "
        "in the encoded target, 0.031 with what the noise of an ancestral sampler's steps leaves "
        "in it or 0.180 with the inverted target would have been recovered",
    ),
    "seed-recovered": (
        SEED | {"draw": 3, "z": 24.5, "z_needed": 6.13, "p": 1e-120, "alpha": 0.001},
        "The noise of seed 77 by torch-cpu, draw 3 of its generator, is in the target: z = 24.5",
    ),
    "recipe-identical": (RECIPE, "euler, 25 steps, guidance 4.5. The two images agree in every"),
    "recipe-reproduces": (
        RECIPE | CLOSENESS,
        "It comes within 0.20 of 255 levels of the target (root mean square); the checkpoint's own "
        "autoencoder holds the target to within 9.50.",
    ),
    "recipe-not-found": (
        {"tried": 31} | CLOSENESS,
        "Of 31 recipes that were tried with this seed, none gives the target back",
    ),
    "claimed-seed-recovered": (
        {"seed": 77},
        "metadata names seed 77 (modulo 2^32), and its noise is in the target.",
    ),
    "claimed-seed-absent": (
        {"seed": 5, "rng_algorithms": ["torch-cpu"], "z": 0.31},
        "seed 5 (modulo 2^32), and its noise is not in the target by torch-cpu: z = 0.31.",
    ),
    "seed-space-in-part": (
        {"share": 1 - 2**-32, "first_seed": 1, "last_seed": 2**32 - 1},
        "over 99 % of the seed space was scanned",
    ),
    "target-is-placed": (
        {
            "sampled_width": 512,
            "sampled_height": 768,
            "box": [10, 20, 210, 320],
            "left": 0,
            "top": 56,
            "part_width": 400,
            "part_height": 600,
            "mirrored": True,
        },
        "the mirror image of a piece of 400 × 600 pixels, from (0, 56), of an image of 512 × 768 "
        "pixels that was sampled, resized to 200 × 300, inside of a border at (10, 20). All",
    ),
    "near-identical-checkpoint": ({}, "compare the hashes of the weights"),
    "claimed-settings-unused": (
        {"settings": ["clip skip 2", "LoRA ink of weight 0.8"]},
        "that were not tried, because this version samples without them: clip skip 2; LoRA ink",
    ),
    "scan-scope": (
        {
            "rng_algorithms": ["torch-cpu", "philox-nv"],
            "looks": ["first-noise", "step-noise", "inversion"],
            "step_seeds": 32_768,
            "placements": 11,
            "anywhere_seeds": 65_536,
            "draws": 3,
            "shared_generators": ["torch-cpu"],
            "half_precisions_not_scanned": ["float16", "bfloat16"],
        },
        "one of the first 3 draws of its generator by torch-cpu, by torch-cpu or philox-nv, or, "
        "for the first 32,768 seeds and those that the file names, the noise that an ancestral "
        "sampler draws after each step. It does not find",
    ),
    "exposed-gain-at-most-alpha": (RANK, "denoises the target better than images that it never"),
    "exposed-gain-above-alpha": (RANK, "does not denoise the target better than images"),
    "exposed-reference-low": ({"reference": "clean", "p": 0.01}, "It may have seen the target"),
    "exposed-without-reference": ({}, "There is no reference to compare with."),
    "target-overlaps-control": (
        {"control": "7.png", "kind": "mirrored crop"},
        "The target and the control 7.png show the same: one is a crop of the other’s mirror",
    ),
    "loss-not-finite": ({"checkpoint": "memorised"}, "loss on memorised is not a finite number"),
    "blind-tells-apart": (
        {
            "group": "jpeg",
            "features": ["luminance low", "luminance high"],
            "at_least_as_unusual": 0,
            "controls": 99,
            "p": 0.01,
            "alpha": 0.05,
        },
        "By its jpeg it is unusual among them (luminance low and luminance high): 0 of 99",
    ),
    "exposed-no-copy": ({}, "This is no evidence of copying"),
    "exposed-validation": ({}, "validated on small checkpoints of the lab alone"),
    "exposed-shift": ({}, "can look like exposure"),
    "exposed-without-caption": ({}, "No caption was stated"),
    "controls-without-caption": ({"controls": 3}, "3 controls have no caption"),
    "controls-without-loss": (
        {"controls": 2, "control": "5.png"},
        "The loss of 2 controls is not a finite number, of 5.png first.",
    ),
    "reference-other-parts": (
        {**NAMES, "parts": ["vae", "text_encoder"]},
        "clean has another autoencoder and text encoder than memorised",
    ),
    "reference-other-objective": (
        {
            **NAMES,
            "reference_prediction": "epsilon",
            "prediction": "flow_prediction",
        },
        "clean was trained to predict the noise, and memorised to predict the flow.",
    ),
    "portfolio-gain-at-most-alpha": (SET, "denoises the 20 works better than the 100 held-out"),
    "portfolio-gain-above-alpha": (SET, "does not denoise the 20 works better"),
    "portfolio-too-small": (
        {"works": 1, "min_works": 5, "held_out": 100, "min_held_out": 20},
        "A portfolio needs 5 different works and 20 held-out images, and there are 1 and 100.",
    ),
    "portfolio-several-artists": (
        {"artists": ["Ida", "Ilo"]},
        "The works name several artists: Ida and Ilo.",
    ),
    "portfolio-work-held-out": (
        {"work": "1.png", "held_out": "7.png"},
        "The work 1.png is also a held-out image, 7.png.",
    ),
    "portfolio-loss-not-finite": ({"image": "1.png"}, "loss of 1.png is not a finite number"),
    "portfolio-blind-tells-apart": (
        {
            "auc": 0.91,
            "low": 0.8,
            "high": 0.97,
            "works": 20,
            "held_out": 100,
            "features": ["red mean"],
        },
        "an AUC of 0.91 (0.80 to 0.97) for 20 and 100 images, above all by red mean.",
    ),
    "portfolio-duplicates": ({"works": 2, "work": "3.png"}, "2 works are the same image as"),
    "portfolio-of-the-set": ({}, "It does not say which of the works was seen"),
    "portfolio-outputs": ({}, "The works were not scanned for seeds"),
    "portfolio-two-groups": ({"p": 0.002}, "The works fall in two groups"),
    "recipes-completed": ({"trials": 7}, "All 7 recipes were computed."),
    "sweep-completed": (
        {"first_seed": 5, "last_seed": 10, "seeds_per_prompt": 3, "prompts": 2} | BUDGET,
        "The budget was spent on seeds 5 to 10, 3 for each of 2 prompts in turn; 4 of 100 NFE were "
        "left over.",
    ),
    "halving-completed": (
        {"steps": [4, 20], "trials": [8, 1]} | BUDGET,
        "by sampling steps: 8 with 4, 1 with 20. The closest of each stage went on to the next. 4 "
        "of 100 NFE were left over.",
    ),
    "variations-completed": (
        {"trials": 120, "variations": 60},
        "The budget was spent on 120 trials; 60 of them are variations.",
    ),
    "rarity-estimated": (
        {"near": 0.5, "probability": 1.2e-5, "low": 2e-6, "high": 7e-5}
        | {"levels": 5, "trials_per_level": 40, "trials_left": 3},
        "A blind seed comes within 0.5 with a probability of 1.2e-05 (95 % interval 2e-06 to "
        "7e-05): 5 levels of 40 trials, and a budget for 3 trials was left over.",
    ),
    "copies-reached": (
        {"copies": 2, "trials": 9, "last_trial": "5eed"},
        "2 of 9 trials are copies, the number that search.stop.copies sets; the last is trial "
        "5eed.",
    ),
    "no-copy-in-trials": (
        NO_COPY,
        "No copy was among 59 trials, of 1 of 2 prompts: a copy rate of 0.05 or more among such "
        "trials would have shown one with a probability of 95 %.",
    ),
    "closest-trial": (METRIC, "the closest of all trials by descriptor (lab weights)"),
    "closest-copy": (METRIC, "the closest copy by descriptor (lab weights)"),
    "close-with-image": (METRIC, "whose images were kept"),
}
"""For each code, values and a part of the sentence that they give."""


def test_the_closed_set_is_the_one_that_is_worded() -> None:
    assert list(EXAMPLES) == list(CODES)
    assert set(SENTENCES) == set(CODES)


@pytest.mark.parametrize("code", CODES)
def test_a_code_and_its_values_give_their_sentence(code: ReasonCode) -> None:
    values, part = EXAMPLES[code]
    text = word_reason(Reason(code=code, values=values))
    assert part in text
    assert not re.search(r"None|\{|\}|  ", text)


@pytest.mark.parametrize("code", CODES)
def test_the_page_of_codes_names_each_with_its_values(code: str) -> None:
    (row,) = re.findall(rf"^\| `{code}` \|(.+)\|(.+)\|$", PAGE, re.MULTILINE)
    documented = re.findall(r"`(\w+)`", row[1])
    assert documented == list(inspect.signature(SENTENCES[code]).parameters)


def test_the_page_of_codes_names_no_other() -> None:
    assert re.findall(r"^\| `([\w-]+)` \|", PAGE, re.MULTILINE) == list(CODES)


def test_half_precisions_are_named_where_they_were_not_scanned() -> None:
    values = EXAMPLES["scan-scope"][0]
    both = word_reason(Reason(code="scan-scope", values=values))
    assert "noise of float16 or bfloat16 as torch up to 2.11 drew it" in both
    one = values | {"half_precisions_not_scanned": ["float16"], "draws": 1, "shared_generators": []}
    text = word_reason(Reason(code="scan-scope", values=one))
    assert "noise of float16 as torch up to 2.11 drew it" in text
    assert (
        "the first draw of its generator, by torch-cpu or philox-nv, or, for the first 32,768 seeds"
        in text
    )
    initial = word_reason(Reason(code="scan-scope", values=one | {"looks": ["first-noise"]}))
    assert "by torch-cpu or philox-nv. It does not find" in initial
    assert "or added during sampling (ancestral and stochastic samplers)" in initial
    none = one | {"half_precisions_not_scanned": []}
    assert "2.11" not in word_reason(Reason(code="scan-scope", values=none))


def test_both_bounds_of_a_range_are_named() -> None:
    values = EXAMPLES["score-out-of-range"][0] | {"highest": 1.0}
    text = word_reason(Reason(code="score-out-of-range", values=values))
    assert "(0 or more and 1 or less)" in text


def test_an_unknown_code_and_other_values_are_refused() -> None:
    unknown = Reason.model_construct(code="no-such-code", values={})  # type: ignore[arg-type]
    with pytest.raises(RecordError, match=r"no wording for the code `no-such-code`\. Known are: "):
        word_reason(unknown)
    with pytest.raises(RecordError, match="`support` came with the values"):
        word_reason(Reason(code="support", values={"strength": "weak"}))
    with pytest.raises(ValueError, match="code"):
        Reason(code="no-such-code")  # type: ignore[arg-type]


def test_how_the_target_was_resized_is_worded_for_every_rule() -> None:
    assert set(RESIZE_RULES) == set(alignment.RESIZE_RULES)
    sizes = {"target_width": 50, "target_height": 20, "width": 40, "height": 24}
    for rule, text in {
        "stretch": "target stretched from 50 × 20 to 40 × 24 by Lanczos",
        "crop": "target cut to the middle of its 50 × 20 and scaled to 40 × 24 by Lanczos",
        "letterbox": "target scaled from 50 × 20 into 40 × 24 by Lanczos, with white bars",
    }.items():
        assert word_resize(TargetResize(rule=rule, **sizes)) == text
        same = TargetResize(rule=rule, **sizes | {"target_width": 40, "target_height": 24})
        assert word_resize(same) == "target compared at its own size, 40 × 24"


def test_the_sentence_of_a_rarity_that_was_not_reached_says_so() -> None:
    values = EXAMPLES["rarity-estimated"][0] | {"probability": 0.0}
    text = word_reason(Reason(code="rarity-estimated", values=values))
    assert "with a probability of 0, because none came that near (95 %" in text


def test_every_code_that_can_decide_a_finding_has_short_words() -> None:
    limits = {"error-rate", "error-rate-above-alpha", "error-rate-not-given"}
    limits |= {"target-is-placed", "seed-space-in-part", "near-identical-checkpoint", "scan-scope"}
    limits |= {"claimed-settings-unused"}
    assert set(SHORT_REASONS) == {*MEMORISED, *EXCLUSIONS, *GENERATED} - limits
    assert max(map(len, SHORT_REASONS.values())) <= 30
    with pytest.raises(RecordError, match="no short words for the code `scan-scope`"):
        shorten_reason("scan-scope")
