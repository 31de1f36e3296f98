"""``seedwitness portfolio``: many works by one author as one question for one checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from seedwitness.config.exposure import ExposeSettings
from seedwitness.config.inputs import CheckpointSettings, EntryName
from seedwitness.config.params import load_params
from seedwitness.config.reading import FILE_NAME, suggest_names
from seedwitness.errors import ConfigError
from seedwitness.records.exposure import PortfolioFinding
from seedwitness.report.wording import word_reason
from seedwitness.report.wording.numbers import format_p
from seedwitness.verdict.portfolio import (
    MIN_HELD_OUT,
    Portfolio,
    PortfolioWork,
    judge_portfolio,
)

NO_REFERENCE = "none"


def examine_portfolio(
    works: Path, checkpoint: str, reference: str | None, held_out: Path | None
) -> PortfolioFinding:
    """Examine the works in a folder, by the settings of the project.

    ``reference`` is a checkpoint of the settings, by default ``judge.reference``, or ``none``. The
    held-out images are by default the controls. Raises ConfigError for an unknown checkpoint,
    PictureError for a folder that is no ImageFolder.
    """
    from seedwitness.checkpoints.loading import load_checkpoint
    from seedwitness.exposure.denoising_loss import find_objective, find_timesteps
    from seedwitness.exposure.portfolio import MeasuredImage, measure_image, read_portfolio

    params = load_params()
    settings: ExposeSettings = params.expose
    name = reference or params.judge.reference
    loaded = load_checkpoint(checkpoint, _find_checkpoint(params.checkpoints, checkpoint))
    compared = None
    if name not in (NO_REFERENCE, checkpoint):
        compared = load_checkpoint(name, _find_checkpoint(params.checkpoints, name))
    setting = "--held-out" if held_out else "controls.path"
    images = read_portfolio(works, held_out or params.controls.path, setting, MIN_HELD_OUT)
    measured = [
        [measure_image(image, loaded, compared, settings, params.search.resize) for image in each]
        for each in images
    ]

    def make_work(image: MeasuredImage) -> PortfolioWork:
        source = image.source
        return PortfolioWork(
            name=source.name,
            artist=source.artist,
            pair=source.pair,
            loss=image.loss,
            reference_loss=image.reference_loss,
            features=image.features,
            same_as=source.same_as,
        )

    own, others = ([make_work(image) for image in each] for each in measured)
    objective = find_objective(loaded.pipeline)
    portfolio = Portfolio(
        checkpoint=loaded.checkpoint,
        reference=compared.checkpoint if compared else None,
        objectives=(objective, find_objective(compared.pipeline) if compared else objective),
        works=own,
        held_out=others,
        timesteps=find_timesteps(loaded.pipeline, settings.levels),
        noises=settings.noises,
    )
    return judge_portfolio(portfolio, params.judge.alpha)


def _find_checkpoint(
    checkpoints: dict[EntryName, CheckpointSettings], name: str
) -> CheckpointSettings:
    if name not in checkpoints:
        raise ConfigError(
            f"{FILE_NAME} has no checkpoint `{name}`.{suggest_names(name, checkpoints)}"
        )
    return checkpoints[name]


def describe_finding(finding: PortfolioFinding) -> Iterator[str]:
    """The finding in lines of text."""
    yield f"Exposed, {finding.works:,} works on {finding.checkpoint}: {finding.finding}"
    for reason in finding.reasons:
        yield f"  {word_reason(reason)}"
    if finding.p is not None and finding.gain is not None and finding.above_median:
        above = finding.above_median
        yield (
            f"p = {format_p(finding.p)} ({finding.test}); mean gain over the {finding.held_out:,} "
            f"held-out images {finding.gain:+.2f} of their standard deviations; {above.hits:,} of "
            f"{above.n:,} works are above their median."
        )
    if finding.blind:
        blind = finding.blind
        yield (
            f"Without any checkpoint: AUC {blind.auc:.2f} ({blind.low:.2f} to {blind.high:.2f}) of "
            "works against held-out images."
        )
    yield "Limits:"
    for limit in finding.limits:
        yield f"  {word_reason(limit)}"
