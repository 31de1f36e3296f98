"""Files of a picture by real codecs."""

import torch
from cases import codecs as table

from seedwitness.metrics.codecs import CODECS, QUALITIES, REDUCTIONS, encode_picture
from seedwitness.metrics.pixels import score_psnr
from seedwitness.verdict.shortest_phrase import find_best_files, find_smallest_files


def scene() -> torch.Tensor:
    ramp = torch.linspace(0, 255, 97)
    picture = torch.stack([ramp.repeat(64, 1), ramp.flip(0).repeat(64, 1), ramp.repeat(64, 1) / 2])
    picture[:, 20:40, 30:60] = torch.tensor([200.0, 30.0, 60.0])[:, None, None]
    return picture.to(torch.uint8)


def test_every_setting_gives_a_file_and_a_picture_of_the_same_size() -> None:
    picture = scene()
    files = list(encode_picture(picture))
    assert len(files) == len(CODECS) * len(REDUCTIONS) * len(QUALITIES)
    assert all(each.picture.shape == picture.shape for each in files)
    assert all(each.picture.dtype == torch.uint8 for each in files)
    assert list(encode_picture(picture))[7].picture.equal(files[7].picture)


def test_more_bytes_give_a_smaller_distortion() -> None:
    picture = scene()
    files = [each for each in encode_picture(picture) if each.reduction == 1]
    near = score_psnr(torch.stack([each.picture for each in files]), picture.expand(18, -1, -1, -1))
    for codec in CODECS:
        own = [
            (each.size, float(score))
            for each, score in zip(files, near, strict=True)
            if each.codec == codec
        ]
        assert own[0][0] < own[-1][0]
        assert own[0][1] < own[-1][1]
        assert own[-1][1] > 30


def test_the_smallest_file_as_close_and_the_best_files() -> None:
    files = table(
        ("jpeg", 400, 0.3),
        ("jpeg", 500, 0.4),
        ("jpeg", 900, 0.05),
        ("jpeg", 800, 0.05),
        ("webp", 300, 0.2),
    )
    assert [(each.codec, each.bytes) for each in find_smallest_files(files, 0.1)] == [("jpeg", 800)]
    assert [(each.codec, each.bytes) for each in find_smallest_files(files, 0.3)] == [
        ("jpeg", 400),
        ("webp", 300),
    ]
    assert find_smallest_files(files, 0.01) == []
    assert [(each.codec, each.bytes) for each in find_best_files(files)] == [
        ("jpeg", 400),
        ("jpeg", 800),
        ("webp", 300),
    ]
