"""`seedwitness add`: images become targets under Git and DVC."""

import shutil
from pathlib import Path

import pytest
import yaml
from PIL import Image
from repositories import commit_all, git
from target_projects import contents, picture
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.commands.targets import add_targets
from seedwitness.config.targets import FOLDER, list_targets, load_target
from seedwitness.errors import ConfigError, PictureError
from seedwitness.records.attempts import (
    name_folder,
)

ODD_NAMES = ["0o17", "08_", "yes", "null", "on", "1e3", "0x1f", "2024-01-01"]


def test_an_image_becomes_a_target_under_git_and_dvc(project: Path, tmp_path: Path) -> None:
    caption = "“an owl”,\n<b>at night</b>: {a} ${b} \\${c} 'd' # e"
    image = picture(tmp_path / "my Owl.png")
    result = CliRunner().invoke(app, ["add", str(image), "--caption", caption])
    assert result.exit_code == 0, result.output
    folder = project / "data/targets/my-owl"
    assert result.stdout.startswith(f"{folder.relative_to(project)}/my-owl.png is the target my-ow")
    assert (folder / "my-owl.png").read_bytes() == image.read_bytes()
    assert load_target("my-owl").caption == caption
    tracked = yaml.safe_load((folder / "my-owl.png.dvc").read_text())["outs"][0]
    cached = project / ".dvc/cache/files/md5" / tracked["md5"][:2] / tracked["md5"][2:]
    assert cached.read_bytes() == image.read_bytes()
    commit_all(project, "a target")
    files = git(project, "ls-files", "data").split()
    assert files == [
        f"data/targets/my-owl/{x}" for x in ("dvc.yaml", "my-owl.png.dvc", "target.yaml")
    ]
    assert "params.yaml" not in git(project, "show", "--name-only", "--format=")


def test_the_settings_of_other_targets_are_left_alone(project: Path, images: Path) -> None:
    """So that two people who add targets change no file in common."""
    add_targets([images / "a.png"])
    commit_all(project, "one")
    before = contents(FOLDER / "a")
    add_targets([images / "b.png"])
    assert contents(FOLDER / "a") == before
    assert git(project, "status", "--porcelain").split("\n") == ["?? data/targets/b/", ""]


def test_targets_that_two_branches_added_merge_without_conflict(
    project: Path, images: Path
) -> None:
    git(project, "checkout", "-q", "-b", "other")
    add_targets([images / "a.png"], caption="the first")
    commit_all(project, "theirs")
    git(project, "checkout", "-q", "main")
    add_targets([images / "b.png"])
    commit_all(project, "mine")
    git(project, "merge", "-q", "-m", "both", "other")
    assert {name: each.caption for name, each in list_targets().items()} == {
        "a": "the first",
        "b": None,
    }


def test_several_files_and_folders_are_added_in_the_order_of_their_names(
    project: Path, images: Path, tmp_path: Path
) -> None:
    (images / "notes.txt").write_text("no image")
    (images / ".hidden.png").write_bytes(b"no image")
    single = picture(tmp_path / "z.png", 11)
    result = CliRunner().invoke(app, ["add", str(single), str(images)])
    assert result.exit_code == 0, result.output
    names = [line.split()[-1] for line in result.stdout.splitlines()[:-1]]
    assert names == ["z.", "a.", "b.", "c."]
    assert list(list_targets()) == ["a", "b", "c", "z"]
    assert all((FOLDER / name / f"{name}.png.dvc").is_file() for name in "abcz")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match=r"empty holds no image: .*\.png"):
        add_targets([tmp_path / "empty"])
    assert project == Path.cwd()


@pytest.mark.parametrize("option", ["--name", "--caption"])
def test_a_name_or_a_caption_for_several_images_is_refused(
    project: Path, images: Path, option: str
) -> None:
    for paths in ([images / "a.png", images / "b.png"], [images]):
        result = CliRunner().invoke(app, ["add", *map(str, paths), option, "owl"])
        assert result.exit_code == 1
        assert "a name or a caption is for one" in result.output
    assert not (project / "data").exists()


def test_a_folder_of_one_image_may_have_a_name_and_a_caption(project: Path, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    picture(tmp_path / "one" / "a.png")
    add_targets([tmp_path / "one"], "owl", "an owl")
    assert load_target("owl").caption == "an owl"
    assert project == Path.cwd()


def test_images_before_one_that_cannot_be_read_are_added(project: Path, images: Path) -> None:
    (images / "b.png").write_bytes(b"no image")
    with pytest.raises(PictureError, match=r"b\.png cannot be read"):
        add_targets([images])
    assert list(list_targets()) == ["a"]
    assert {path.name for path in (project / "data/targets/a").iterdir()} == {
        "a.png",
        "a.png.dvc",
        "dvc.yaml",
        "target.yaml",
    }


def test_the_same_file_again_changes_its_caption_at_most(project: Path, images: Path) -> None:
    (added,) = add_targets([images / "a.png"])
    assert added.is_new
    before = contents(project / "data")
    (again,) = add_targets([images / "a.png"])
    assert (again.is_new, again.name, again.path) == (False, added.name, added.path)
    assert contents(project / "data") == before
    result = CliRunner().invoke(app, ["add", str(images / "a.png"), "--caption", "an owl"])
    assert "a. It existed already." in result.stdout
    assert load_target("a").caption == "an owl"
    add_targets([images / "a.png"])
    assert load_target("a").caption == "an owl"


def test_another_file_under_the_same_name_is_refused(project: Path, images: Path) -> None:
    add_targets([images / "a.png"])
    before = contents(project / "data")
    with pytest.raises(ConfigError, match=r"target a exists already.*`seedwitness remove a`"):
        add_targets([images / "b.png"], name="a")
    assert contents(project / "data") == before


def test_the_same_pixels_under_another_name_are_refused(project: Path, images: Path) -> None:
    add_targets([images / "a.png"])
    Image.open(images / "a.png").save(images / "d.webp", lossless=True)
    with pytest.raises(PictureError, match=r"d\.webp has the same pixels as the target a\."):
        add_targets([images / "d.webp"])
    with pytest.raises(PictureError, match=r"has the same pixels as the target a\."):
        add_targets([images / "a.png"], name="other")
    assert [path.name for path in (project / "data/targets").iterdir()] == ["a"]


def test_a_missing_image_comes_back_when_it_is_added_again(project: Path, images: Path) -> None:
    (added,) = add_targets([images / "a.png"], caption="an owl")
    before = contents(project / "data")
    added.path.unlink()
    with pytest.raises(ConfigError, match="is another file"):
        add_targets([images / "b.png"], name="a")
    add_targets([images / "a.png"])
    assert contents(project / "data") == before


def test_an_image_that_was_copied_before_a_kill_is_added(project: Path, images: Path) -> None:
    folder = project / "data/targets/a"
    folder.mkdir(parents=True)
    (folder / "a.png").write_bytes(b"half of it")
    assert list_targets() == {}
    add_targets([images / "a.png"])
    assert (folder / "a.png").read_bytes() == (images / "a.png").read_bytes()
    assert list(list_targets()) == ["a"]


def test_a_caption_that_is_no_unicode_is_refused_before_anything_is_written(
    project: Path, images: Path
) -> None:
    with pytest.raises(ConfigError, match="--caption: it is not valid Unicode text"):
        add_targets([images / "a.png"], caption="an owl\udcff")
    assert not (project / "data").exists()
    add_targets([images / "a.png"])
    before = contents(project / "data")
    with pytest.raises(ConfigError, match="--caption: it is not valid Unicode text"):
        add_targets([images / "a.png"], caption="\ud83d")
    assert contents(project / "data") == before


def test_a_name_is_any_word_and_dvc_reads_the_pipeline_of_each(
    project: Path, tmp_path: Path
) -> None:
    """YAML takes these for numbers, dates, booleans or null; DVC's reader is another than ours."""
    from dvc.repo import Repo

    (tmp_path / "odd").mkdir()
    for number, name in enumerate(ODD_NAMES):
        picture(tmp_path / "odd" / f"{name}.png", number)
    add_targets([(tmp_path / "odd" / "08_.png").rename(tmp_path / "x.png")], name="08_")
    add_targets([tmp_path / "odd"])
    assert list(list_targets()) == sorted(ODD_NAMES)
    with Repo(str(project)) as repo:
        stages = {stage.addressing: stage for stage in repo.index.stages}
    for name in ODD_NAMES:
        folder = f"data/targets/{name}"
        prepare = stages[f"{folder}/dvc.yaml:prepare"]
        assert prepare.cmd == f"seedwitness stage prepare {name}"
        assert {str(dep) for dep in prepare.deps} == {
            "data/plan/prepare.json",
            f"{folder}/{name}.png",
            f"{folder}/target.yaml",
        }
        assert stages[f"{folder}/{name}.png.dvc"].outs[0].hash_info
        judge = stages[f"{folder}/dvc.yaml:judge"]
        in_git = [out for out in judge.outs if not out.use_cache]
        image = name_folder(load_target(name).pixels_sha256)
        assert [str(out) for out in in_git] == [f"data/outcomes/{image}"]
        assert in_git[0].persist


@pytest.mark.parametrize("has_git", [True, False])
def test_a_project_without_dvc_is_an_error_with_the_remedy(
    project: Path, images: Path, has_git: bool
) -> None:
    shutil.rmtree(".dvc")
    if not has_git:
        shutil.rmtree(".git")
    result = CliRunner().invoke(app, ["add", str(images / "a.png")])
    assert result.exit_code == 1
    assert "`git init` and `dvc init` begin a project" in " ".join(result.output.split())
    assert not (project / "data").exists()


def test_a_dated_source_is_stated_whole_or_not_at_all(project: Path, tmp_path: Path) -> None:
    image = str(picture(tmp_path / "owl.png"))
    day, source = ["--dated", "2019-05-01"], ["--source", "its first printing: “p. 7”"]
    for arguments, says in (
        (day, "belong together"),
        (source, "belong together"),
        (["--dated", "yesterday", *source], "'yesterday' is no date"),
    ):
        refused = CliRunner().invoke(app, ["add", image, *arguments])
        assert refused.exit_code == 1
        assert says in " ".join(refused.output.split())
    assert list_targets() == {}
    assert CliRunner().invoke(app, ["add", image, *day, *source]).exit_code == 0
    provenance = load_target("owl").provenance
    assert provenance is not None
    assert (provenance.date, provenance.source) == ("2019-05-01", source[1])
    CliRunner().invoke(app, ["add", image, "--caption", "an owl"])
    assert load_target("owl").provenance == provenance
