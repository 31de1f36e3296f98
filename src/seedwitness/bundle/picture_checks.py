"""Checks of pictures and latents against the hashes that the report and the tables name."""

from __future__ import annotations

from seedwitness.bundle import layout
from seedwitness.bundle.cited_latents import hash_latent, name_latent
from seedwitness.bundle.container import hash_file, read_file
from seedwitness.bundle.opened import Finding, NotCheckable, OpenedBundle
from seedwitness.imaging.decoding import decode_image, hash_pixels

SHOWN = 3


def check_pictures(opened: OpenedBundle) -> Finding:
    """Hashes of the pictures that the report cites, and of the pixels of target and controls."""
    record, evidence, bundle = opened.record, opened.evidence, opened.bundle
    prefix = f"reports/{record.target}/"
    left_out = {each.path: each.sha256 for each in record.left_out}
    cited = {
        prefix + each.image: each.image_sha256
        for case in evidence.cases
        for each in case.cited
        if each.image
    } | {
        prefix + case.recovered.image: case.recovered.image_sha256
        for case in evidence.cases
        if case.recovered
    }
    wrong = [
        name
        for name, digest in cited.items()
        if digest != (hash_file(bundle, name) if name in bundle.sizes else left_out.get(name))
    ]
    target = f"data/prepare/{record.target}/image.png"
    pixels = {target: evidence.target.pixels_sha256} | {
        name: name.rpartition("/")[2].partition(".")[0]
        for name in bundle.sizes
        if name.startswith(f"{layout.CONTROL_PICTURES}/")
    }
    for name, digest in pixels.items():
        if name in bundle.sizes:
            path = opened.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(read_file(bundle, name))
            if hash_pixels(decode_image(path)) != digest:
                wrong.append(name)
    if wrong:
        return wrong, f"other pictures than the report names: {', '.join(wrong[:SHOWN])}"
    shown = sum(name in bundle.sizes for name in (*cited, *pixels))
    return [], f"{shown} pictures are the ones that the report and the tables name"


def check_latents(opened: OpenedBundle) -> Finding:
    """Hashes of the latents of the trials that the report cites."""
    bundle, count, wrong = opened.bundle, 0, []
    for case in opened.evidence.cases:
        for cited in case.cited:
            name = name_latent(case.checkpoint, cited.trial)
            if name in bundle.sizes:
                count += 1
                if hash_latent(read_file(bundle, name)) != cited.latent_sha256:
                    wrong.append(name)
    if wrong:
        return wrong, f"other latents than the trials': {', '.join(wrong[:SHOWN])}"
    if not count:
        raise NotCheckable("The bundle holds no latents.")
    return [], f"{count} latents are those of the cited trials"
