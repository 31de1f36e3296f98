"""PEZ and PH2P: gradients at vocabulary rows, prompts that a tokenizer gives back, budgets."""

from collections.abc import Sequence
from typing import Any

import open_clip
import pytest
import torch

from seedwitness.checkpoints.loading import LoadedCheckpoint
from seedwitness.config.prompt_settings import PezSettings, Ph2pSettings
from seedwitness.engine.sampling import embed_prompts
from seedwitness.errors import ConfigError
from seedwitness.metrics.clip_score import ClipScore
from seedwitness.prompts import BATCHED_METHODS, METHODS, ph2p
from seedwitness.prompts.budget import Budget
from seedwitness.prompts.denoising_loss import choose_levels, compute_losses
from seedwitness.prompts.hard_tokens import project_to_vocabulary, replace_embeddings
from seedwitness.prompts.pez import find_token_embedding, optimise_prompts
from seedwitness.prompts.recovery_input import RecoveryInput, TextEncoder, Vectors

QUICK = PezSettings(tokens=8, steps=60)


def test_replaced_embeddings_are_what_the_encoder_reads(clip: ClipScore) -> None:
    layer = find_token_embedding(clip.model, 32)
    rows = clip.tokenizer(["a moonlit owl", "screen print"])
    other = clip.tokenizer(["a festive fox", "ember palette"])
    with torch.no_grad(), replace_embeddings(layer, layer.weight[other[:, 1:4]]):
        changed = clip.model.encode_text(rows)
    mixed = rows.clone()
    mixed[:, 1:4] = other[:, 1:4]
    with torch.no_grad():
        torch.testing.assert_close(changed, clip.model.encode_text(mixed))
        # Afterwards the layer is as before.
        assert not torch.allclose(changed, clip.model.encode_text(rows))


def test_projection_takes_the_nearest_row_by_cosine() -> None:
    vocabulary = torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])
    points = torch.tensor([[5.0, 0.1], [0.02, 0.2], [-9.0, 1.0], [2.0, 2.1]])
    assert project_to_vocabulary(points, vocabulary, torch.arange(4)).tolist() == [0, 1, 3, 2]
    assert project_to_vocabulary(points, vocabulary, torch.tensor([1, 3])).tolist() == [1, 1, 3, 1]


def test_pez_raises_the_cosine_far_above_random_tokens(
    clip: ClipScore, encoder: TextEncoder, image: Vectors
) -> None:
    (text,) = optimise_prompts(clip, torch.from_numpy(image)[None], QUICK, Budget())
    (start,) = optimise_prompts(
        clip, torch.from_numpy(image)[None], QUICK.model_copy(update={"steps": 1}), Budget()
    )
    cosine, before = (encoder.embed([text, start]) @ image).tolist()
    assert cosine > before + 0.2
    assert encoder.count_tokens(text) <= encoder.token_limit


def test_targets_in_a_batch_have_the_prompts_they_have_alone(
    clip: ClipScore, encoder: TextEncoder, image: Vectors
) -> None:
    other = encoder.embed(["a misty cat by Mara Tindholt"])[0]

    def give(vector: Vectors) -> RecoveryInput:
        return RecoveryInput(vector, [], None, encoder, None, 12, 64, clip=clip, pez=QUICK)

    together = BATCHED_METHODS["pez"]([give(image), give(other)])
    assert together == [METHODS["pez"](give(image)), METHODS["pez"](give(other))]
    assert [each.method for each in together[0]] == ["pez"]
    assert together[0] != together[1]


def test_pez_reads_clips_own_tokenizer(clip: ClipScore) -> None:
    """An untrained CLIP of open_clip's own classes and tokenizer, very small."""
    model = open_clip.CLIP(
        embed_dim=16,
        vision_cfg={"layers": 1, "width": 64, "head_width": 64, "image_size": 32, "patch_size": 16},
        text_cfg={"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
    ).eval()
    from dataclasses import replace

    own = replace(clip, model=model, tokenizer=open_clip.get_tokenizer("ViT-B-32"))
    target = own.embed_texts(["an owl at night"])
    (text,) = optimise_prompts(own, target, PezSettings(tokens=4, steps=15), Budget())
    assert text == text.strip() != ""
    assert "<" not in text  # no begin and end tokens


def test_limits_of_pez(clip: ClipScore, image: Vectors) -> None:
    with pytest.raises(ConfigError, match=r"recover\.pez\.tokens: 31 tokens.*Set it to 30"):
        optimise_prompts(clip, torch.from_numpy(image)[None], PezSettings(tokens=31), Budget())
    now = iter([0.0, 0.5, 1.0, 1.5, 99.0, 99.0])
    budget = Budget(seconds=2.0, clock=lambda: next(now))
    optimise_prompts(clip, torch.from_numpy(image)[None], QUICK, budget)
    assert budget.ended_by_time


def test_the_denoising_loss_is_its_formula(pipeline: Any) -> None:
    latent = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(1))
    texts = ["a red fish", "a blue lighthouse", ""]
    losses = compute_losses(pipeline, latent, texts, levels=3, seed=5)
    alphas = pipeline.scheduler.alphas_cumprod
    for text, loss in zip(texts, losses, strict=True):
        total = 0.0
        for number, t in enumerate([400, 600, 800]):
            generator = torch.Generator().manual_seed(5 + number)
            noise = torch.randn(1, 4, 8, 8, generator=generator)
            t_row = torch.tensor([t])
            noisy = pipeline.scheduler.add_noise(latent[None], noise, t_row)
            kind = pipeline.scheduler.config.prediction_type
            wanted = noise
            if kind == "v_prediction":
                wanted = pipeline.scheduler.get_velocity(latent[None], noise, t_row)
            with torch.no_grad():
                found = pipeline.unet(noisy, t_row, embed_prompts(pipeline, [text])).sample
            total += float((found - wanted).square().mean())
        assert loss == pytest.approx(total / 3, rel=1e-4)
    assert choose_levels(3, 1000) == [400, 600, 800]
    assert len(alphas) == 1000
    alone = [compute_losses(pipeline, latent, [text], levels=3, seed=5)[0] for text in texts]
    assert alone == pytest.approx(losses, rel=1e-4)


def score_nothing(texts: Sequence[str]) -> list[float]:
    return [0.0] * len(texts)


def test_ph2p_keeps_its_budget_and_is_repeatable(tiny: LoadedCheckpoint) -> None:
    latent = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(2))
    settings = Ph2pSettings(tokens=4, accumulate=2)

    def score(texts: Sequence[str]) -> list[float]:
        return compute_losses(tiny.pipeline, latent, texts, levels=2)

    def run(nfe: int) -> tuple[list[str], Budget]:
        budget = Budget(nfe)
        found = ph2p.optimise_prompts(tiny.pipeline, latent, settings, budget, score=score, cost=2)
        return found, budget

    first, budget = run(60)
    assert first == run(60)[0]
    assert 40 <= budget.spent_nfe <= 60
    assert len(set(first)) == len(first) >= 1
    scores = score(first)
    assert scores == sorted(scores)
    assert run(5)[0] == []  # not even one evaluation with its score


def test_ph2p_lowers_the_loss(tiny: LoadedCheckpoint) -> None:
    latent = torch.randn(4, 8, 8, generator=torch.Generator().manual_seed(3))

    def score(texts: Sequence[str]) -> list[float]:
        return compute_losses(tiny.pipeline, latent, texts, levels=8, seed=77)

    settings = Ph2pSettings(tokens=6, accumulate=4)
    found = ph2p.optimise_prompts(tiny.pipeline, latent, settings, Budget(600), score=score, cost=8)
    start = ph2p.optimise_prompts(tiny.pipeline, latent, settings, Budget(16), score=score, cost=8)
    assert len(start) == 1
    assert start[0] in found
    assert score(found[:1])[0] < score(start)[0]


def test_ph2p_tokens_have_to_fit(tiny: LoadedCheckpoint) -> None:
    limit = tiny.pipeline.tokenizer.model_max_length
    with pytest.raises(ConfigError, match=rf"ph2p\.tokens.*Set it to {limit - 2}"):
        ph2p.optimise_prompts(
            tiny.pipeline,
            torch.zeros(4, 8, 8),
            Ph2pSettings(tokens=limit - 1),
            Budget(100),
            score=score_nothing,
            cost=1,
        )


def test_a_budget_counts_and_shares() -> None:
    told: list[tuple[str, float]] = []
    budget = Budget(100, report=lambda what, share: told.append((what, share)))
    budget.spend(30, "a")
    assert budget.count_affordable(20) == 3
    assert budget.can_spend(70)
    assert not budget.can_spend(71)
    own = budget.share(90)
    assert own.nfe == 70
    own.spend(35, "b")
    assert told == [("a", 0.3), ("b", 0.5)]
    assert Budget().can_spend(10**9)
    with pytest.raises(ValueError, match="bound of the NFE"):
        Budget().count_affordable(1)
