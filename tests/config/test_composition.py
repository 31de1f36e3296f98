"""params.yaml: composed as by DVC, and validated before it is written."""

import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from PIL import Image
from pydantic import BaseModel
from target_images import write_image
from typer.testing import CliRunner

from seedwitness.cli import app
from seedwitness.config.composition import compose_params, dump_composition
from seedwitness.config.inputs import CheckpointSettings
from seedwitness.config.params import Params, load_params
from seedwitness.config.reading import load_mapping, validate
from seedwitness.errors import ConfigError

ROOT = Path(__file__).parents[2]
CONF = ROOT / "conf"
OPTIONS = sorted(path.relative_to(CONF) for path in CONF.rglob("*.yaml"))
COMMAND = Path(sys.executable).with_name("seedwitness")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of what params.yaml is composed from; the working directory is there."""
    shutil.copytree(CONF, tmp_path / "conf")
    shutil.copy(ROOT / "params.yaml", tmp_path / "params.yaml")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compose(folder: Path, *overrides: str, root: Path = ROOT) -> dict[str, Any]:
    dump_composition(folder / "composed.yaml", overrides, root)
    composition: dict[str, Any] = yaml.safe_load(
        (folder / "composed.yaml").read_text(encoding="utf-8")
    )
    return composition


def test_the_committed_file_is_the_composition(tmp_path: Path) -> None:
    dump_composition(tmp_path / "composed.yaml", (), ROOT)
    assert (tmp_path / "composed.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()


def test_the_committed_file_is_read() -> None:
    params = load_params(ROOT / "params.yaml")
    assert set(params.checkpoints) == {"lab-memorised", "lab-clean"}


def test_the_settings_hold_no_target() -> None:
    """Each has a file of its own, so that adding one changes nothing that others share."""
    assert "targets" not in load_mapping(ROOT / "params.yaml")
    with pytest.raises(ConfigError, match="`targets`: unknown key"):
        validate(Params, load_mapping(ROOT / "params.yaml") | {"targets": {}}, "params.yaml")


def test_every_setting_is_in_the_file() -> None:
    """Hydra overrides only keys of the file, so a default in the code could not be changed."""
    found = load_mapping(ROOT / "params.yaml")
    for name, field in Params.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            assert set(found[name]) == set(kind.model_fields), name
    for checkpoint in found["checkpoints"].values():
        assert set(checkpoint) == set(CheckpointSettings.model_fields)


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_file_documents_its_use(option: Path) -> None:
    lines = (CONF / option).read_text(encoding="utf-8").splitlines()
    header = lines[: next(number for number, line in enumerate(lines) if line[:1] != "#")]
    assert len(header) > 1
    lines = "\n".join(header).replace("\\\n#", " ").split("\n")
    assert any("seedwitness " in line for line in lines)
    for words in (shlex.split(line) for line in lines if "seedwitness run " in line):
        asked = [word for word in words if re.match(r"[+~]?[\w@.-]+=", word)]
        parsed = OverridesParser.create().parse_overrides(asked)
        assert asked
        assert not any(each.is_sweep_override() for each in parsed)


def test_the_commands_of_the_readme_are_valid(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line.split("#")[0] for line in text.splitlines() if line.startswith("seedwitness run")]
    assert len(lines) > 5
    for line in lines:
        found = compose(tmp_path, *shlex.split(line)[2:])
        params = validate(Params, found, "made")
        assert params.judge.reference in params.checkpoints


def test_every_option_is_valid(tmp_path: Path) -> None:
    """As many at once as do not exclude one another, because a composition takes a while."""
    others = {
        "corpus": ["corpus=image-folder", "corpus.path=pictures", "corpus.source=mine"],
        "clip": ["clip=vit-b-32"],
        "lookup": ["lookup=default"],
        "score": ["score=published"],
        "tracking": ["tracking=server"],
        "search": ["search=default"],
        "scan": ["scan=whole"],
        "reach": ["reach=whole"],
        "detectors": ["detectors=all"],
    }
    checkpoints = [
        "+checkpoint@checkpoints.stable-diffusion-1-5=stable-diffusion-1-5",
        "+checkpoint@checkpoints.folder=diffusers-folder",
        "checkpoints.folder.path=models/a folder",
        "+checkpoint@checkpoints.file=single-file",
        "checkpoints.file.watch=models",
        "checkpoints.file.path=models/one.safetensors",
        "checkpoints.file.config=models/described",
    ]
    found = compose(tmp_path, *(each for part in others.values() for each in part), *checkpoints)
    params = validate(Params, found, "made")
    assert params.search.budget_nfe // (2 * params.search.steps) == 500
    assert (params.scan.first_seed, params.scan.end_seed) == (0, 2**32)
    assert params.checkpoints["folder"].path == Path("models/a folder")
    assert params.checkpoints["stable-diffusion-1-5"].fetch.startswith("hf download ")
    assert params.tracking.uri.startswith("http://127.0.0.1")
    in_use = {f"{group}/{part[0].split('=')[1]}.yaml" for group, part in others.items()}
    in_use |= {f"checkpoint/{each.split('=')[1]}.yaml" for each in checkpoints if "@" in each}
    in_use |= {"config.yaml", "search/quick.yaml", "scan/quick.yaml"}
    in_use |= {"tracking/local.yaml", "search/variations.yaml", "search/halving.yaml"}
    in_use |= {"search/rare.yaml", "search/refined.yaml"}
    in_use |= {"search/subset-simulation.yaml", "reach/quick.yaml", "reach/none.yaml"}
    in_use |= {"detectors/quick.yaml", "detectors/none.yaml"}
    in_use |= {f"{group}/lab.yaml" for group in ("corpus", "clip", "lookup", "score", "controls")}
    in_use |= {f"{name}/default.yaml" for name in ("prepare", "recover", "expose", "judge")}
    in_use |= {"report/default.yaml", "checkpoint/lab-clean.yaml", "checkpoint/lab-memorised.yaml"}
    kinds = ("webdataset", "clip-retrieval", "embeddings", "parquet")
    in_use |= {f"corpus/{kind}.yaml" for kind in kinds}  # see the next test
    experiments = {
        f"experiment/{name}.yaml" for name in ("quick", "decompression", "prompt-classes")
    }
    assert {str(option) for option in OPTIONS} == in_use | experiments


@pytest.mark.parametrize("kind", ["webdataset", "clip-retrieval", "embeddings", "parquet"])
def test_every_kind_of_corpus_is_valid(tmp_path: Path, kind: str) -> None:
    found = compose(tmp_path, f"corpus={kind}", "corpus.path=mine", "corpus.source=mine")
    params = validate(Params, found, "made")
    assert params.corpus.kind == kind
    assert (params.corpus.descriptor is not None) == (kind == "webdataset")


def test_the_decompression_experiment(tmp_path: Path) -> None:
    search = validate(Params, compose(tmp_path, "experiment=decompression"), "made").search
    assert (search.sampler, search.steps, search.guidance) == ("euler", 50, 30.0)
    assert (search.width, search.height) == (512, 768)


def test_a_strategy_is_an_option_of_its_own(tmp_path: Path) -> None:
    plain = compose(tmp_path)
    rare = compose(tmp_path, "search=subset-simulation")["search"]
    assert rare["strategy"] == {"name": "subset-simulation", "first_seed": 0, "near": 0.4}
    for name in ("variations", "halving"):
        other = compose(tmp_path, f"search={name}")["search"]
        assert other == plain["search"] | {
            "strategy": {"name": name, "first_seed": 0, "near": None}
        }


def test_the_quick_experiment(tmp_path: Path) -> None:
    plain = compose(tmp_path)
    quick = compose(tmp_path, "experiment=quick")
    assert quick["search"] == plain["search"] | {"budget_nfe": 80, "prompts": 1}
    assert {**quick, "search": None} == {**plain, "search": None}


def test_a_missing_value_is_an_error(project: Path) -> None:
    before = Path("params.yaml").read_bytes()
    with pytest.raises(ConfigError, match=r"params.yaml: `checkpoints.mine.path` has no value"):
        compose_params(["+checkpoint@checkpoints.mine=diffusers-folder"])
    assert Path("params.yaml").read_bytes() == before
    assert project == Path.cwd()


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("search.budgt_nfe=3", r"no `search.budgt_nfe`. In `search`: Did you mean `budget_nfe`\?"),
        ("serch.steps=3", r"no `serch.steps`. Did you mean `search`\? Known are: checkpoints, cl"),
        ("serch=quick", r"no `serch`. Did you mean `search`\?"),
        ("search.strategy.nam=x", r"In `search.strategy`: Did you mean `name`\? Known are: first_"),
        ("search=quik", r"no conf/search/quik.yaml. Did you mean `quick`\? Known are: default, h"),
        ("experiment=quack", r"no conf/experiment/quack.yaml. Did you mean `quick`\?"),
        ("checkpoint@checkpoints.lab-clea=lab-clean", r"one of checkpoint@checkpoints.lab-clean"),
        ("+search.stps=3", r"params.yaml: `search.stps`: unknown key. Did you mean `steps`\?"),
        ("~search.stps", r"no `search.stps`. In `search`: Did you mean `steps`\?"),
        ("search.steps=many", r"params.yaml: `search.steps`: .*integer"),
        ("search.steps=-1", r"params.yaml: `search.steps`: .*greater than 0"),
        ("search.steps=1,2", r"Several values are a sweep.*dvc exp run --queue.*quoted twice"),
        ("report.title=it's", "quoted twice"),
        ("search.preselection.detector=one-step", "it is null; set it as a whole"),
        ("nothing", r"in 'nothing'. An override is KEY=VALUE"),
        ("report.title=${nobody}", r"'nobody' not found. If \$\{…\} is meant as text"),
        ("clip.watch=null", r"clip.watch: set it to the path that DVC watches"),
        ("score.weights.clip=models/c", r"`score`: .*lock does not change when models/c does"),
        ("recover.phrases=my/phrases.txt", r"phrases: DVC would not see my/phrases.txt change"),
        ("judge.reference=lab-clear", r"no checkpoint is called 'lab-clear'; known: lab-memo"),
    ],
)
def test_a_typo_lists_the_known_names(project: Path, override: str, message: str) -> None:
    before = Path("params.yaml").read_bytes()
    with pytest.raises(ConfigError, match=message) as caught:
        compose_params([override])
    assert "\n" not in str(caught.value)
    assert Path("params.yaml").read_bytes() == before
    assert {path.name for path in project.iterdir()} == {"conf", "params.yaml"}


def test_a_typo_in_a_checkpoint_that_the_run_adds(project: Path) -> None:
    assert project == Path.cwd()
    added = "+checkpoint@checkpoints.mine=diffusers-folder"
    with pytest.raises(ConfigError, match=r"In `checkpoints.mine`: Did you mean `path`\?"):
        compose_params([added, "checkpoints.mine.pth=models/mine"])


def test_a_broken_file_is_named(project: Path) -> None:
    (project / "conf" / "search" / "quick.yaml").write_text("steps: [1\n")
    with pytest.raises(ConfigError, match=r"not valid YAML: .*quick\.yaml"):
        compose_params()


def test_outside_of_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match="root of the project"):
        compose_params()


def test_the_command_composes(project: Path) -> None:
    result = CliRunner().invoke(app, ["compose", "search.steps=30", 'report.title="a, b: {c}"'])
    assert (result.exit_code, result.stdout) == (0, "params.yaml is updated.\n")
    params = load_params()
    assert (params.search.steps, params.report.title) == (30, "a, b: {c}")
    result = CliRunner().invoke(app, ["compose"])
    assert (project / "params.yaml").read_bytes() == (ROOT / "params.yaml").read_bytes()
    result = CliRunner().invoke(app, ["compose"])
    assert result.stdout == "params.yaml is unchanged.\n"


def test_composing_writes_the_pipeline_of_every_target(project: Path) -> None:
    write_image(project, "owl", Image.new("RGB", (8, 8)))
    result = CliRunner().invoke(app, ["compose"])
    assert result.stdout == "params.yaml is updated.\n"
    path = project / "data/targets/owl/dvc.yaml"
    stages = yaml.safe_load(path.read_text())["stages"]
    assert stages["prepare"]["cmd"] == "seedwitness stage prepare owl"
    path.write_text(path.read_text() + "# edited\n")
    CliRunner().invoke(app, ["compose"])
    assert "# edited" not in path.read_text()
    (project / "data/targets/owl/target.yaml").write_text("image: owl.png\n")
    result = CliRunner().invoke(app, ["compose"])
    assert result.exit_code == 1
    assert "data/targets/owl/target.yaml: `pixels_sha256`: Field required" in result.output


def test_a_value_that_names_a_file_of_the_group_is_answered_with_it(project: Path) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean `search=halving`, the file conf/search/"):
        compose_params(["search.strategy=halving"])
    with pytest.raises(ConfigError) as caught:
        compose_params(["search.strategy=no-such-file"])
    assert "Did you mean" not in str(caught.value)


def test_a_rare_search_has_165_trials(tmp_path: Path) -> None:
    params = validate(Params, compose(tmp_path, "search=rare"), "made")
    assert params.search.budget_nfe // (2 * params.search.steps) == 165
    assert (params.search.prompts, params.search.rate_nfe) == (1, 0)


def test_settings_of_budgets_that_contradict_are_refused(tmp_path: Path) -> None:
    for overrides, message in (
        (("search=halving", "search.rate_nfe=20"), "rate_nfe: the strategy halving chooses"),
        (
            ("controls.draw_by=data/score", "controls.similar_to=[data/pictures/controls/1.png]"),
            "draw_by: controls that are ordered by similarity cannot stop early",
        ),
    ):
        with pytest.raises(ConfigError, match=message):
            validate(Params, compose(tmp_path, *overrides), "made")
