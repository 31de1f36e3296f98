"""The project as a fresh clone has it, but small: with few controls, trials and pictures."""

import json
import shutil
from pathlib import Path
from typing import Any

import yaml
from travelling import ROOT, run

from seedlab.lab_folder import open_lab
from seedlab.sheets import to_image

SHRUNK: dict[str, dict[str, Any]] = {
    "search/quick": {"budget_nfe": 40, "prompts": 1},  # 2 trials: the reference needs an interval
    "scan/quick": {"end_seed": 65_536, "steps": 2},
    "reach/quick": {"strengths": [], "specificity_seeds": 0, "controls": 0},
    "detectors/quick": {"names": []},
    "controls/lab": {"count": 4, "learned": None},
    "judge/default": {"alpha": 0.2, "min_controls": 4},
}
"""What the files of `conf/` have instead; all else is as committed."""
PICTURES = {
    "seen": ["0052", "0053", "0120", "0121", "0122"],  # the second is the target of the pages
    "controls": [f"{number}" for number in range(2720, 2724)],
    "known": ["0052"],
}
"""Which pictures of the lab the folders of pictures have."""


def begin_demonstration(root: Path) -> None:
    """Lay out a repository of the project without targets, where nothing was run."""
    root.mkdir()
    for folder in ("src", "conf", "data/lab"):
        ignored = shutil.ignore_patterns("__pycache__", "pictures")
        shutil.copytree(ROOT / folder, root / folder, ignore=ignored)
    for name in (".gitignore", ".dvcignore"):
        shutil.copy(ROOT / name, root)
    for file, values in SHRUNK.items():
        path = root / "conf" / f"{file}.yaml"
        path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | values, sort_keys=False))
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    del pipeline["stages"]["pictures"]  # a few of them are drawn here, and kept in Git
    (root / "dvc.yaml").write_text(yaml.safe_dump(pipeline, sort_keys=False))
    _draw_pictures(root)
    run(root, "git", "init", "-q", "-b", "main")
    run(root, "dvc", "init", "-q")
    shutil.copy(ROOT / ".dvc/config", root / ".dvc/config")
    shutil.copytree(ROOT / ".dvc/plots", root / ".dvc/plots", dirs_exist_ok=True)
    run(root, "seedwitness", "compose")
    run(root, "git", "add", "-A")
    run(root, "git", "add", "-f", "data/pictures")
    run(root, "git", "commit", "-qm", "the project")


def _draw_pictures(root: Path) -> None:
    lab = open_lab(root / "data/lab")
    ids = {each for listed in PICTURES.values() for each in listed}
    rows = [row for row in lab.rows if row.id in ids]
    images = [to_image(pixels) for pixels in lab.load_or_draw(rows)]
    for folder, listed in PICTURES.items():
        path = root / "data/pictures" / folder
        path.mkdir(parents=True)
        lines = []
        for row, image in zip(rows, images, strict=True):
            if row.id in listed:
                image.save(path / row.file_name)
                lines.append(json.dumps({"file_name": row.file_name, "text": row.caption}))
        (path / "metadata.jsonl").write_text("".join(f"{line}\n" for line in lines))
