"""ComfyUI's graph is walked from the saved picture to the sampler that made it."""

import json
from pathlib import Path
from typing import Any

import pytest
from claiming import COMFY, SETTINGS, claimed, with_text
from PIL import Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from seedwitness.records.target import Claim, ClaimedLora

LINKS = {
    "links": [
        [1, 4, 0, 3, 0, "MODEL"],
        [2, 5, 0, 3, 3, "LATENT"],
        [3, 4, 1, 6, 0, "CLIP"],
        [4, 6, 0, 3, 1, "CONDITIONING"],
        [5, 4, 1, 7, 0, "CLIP"],
        [6, 7, 0, 3, 2, "CONDITIONING"],
    ]
}


def check_comfy(claim: Claim) -> None:
    assert (claim.tool, claim.prompt, claim.negative_prompt) == ("ComfyUI", "an owl", "text")
    assert (claim.seed, claim.steps, claim.guidance) == (99, 20, 8.0)
    assert (claim.width, claim.height, claim.model) == (512, 640, "lab.safetensors")
    assert (claim.denoise, claim.batch_size, claim.schedule) == (1, 2, "normal")


def test_comfyui_in_a_png_and_in_a_webp(tmp_path: Path) -> None:
    path = with_text(tmp_path / "a.png", prompt=json.dumps(COMFY), workflow=json.dumps(LINKS))
    (claim,), unread = claimed(path)
    check_comfy(claim)
    assert unread == []
    exif = Image.Exif()
    exif[Base.Model] = "prompt:" + json.dumps(COMFY)
    exif[Base.Make] = "workflow:" + json.dumps(LINKS)
    Image.new("RGB", (16, 16)).save(tmp_path / "a.webp", exif=exif)
    (claim,), unread = claimed(tmp_path / "a.webp")
    check_comfy(claim)


def test_each_sampler_of_each_tool_is_a_claim(tmp_path: Path) -> None:
    two = COMFY | {"9": {**COMFY["3"], "inputs": {**COMFY["3"]["inputs"], "seed": 100}}}
    chunks = {"prompt": json.dumps(two), "workflow": json.dumps(LINKS), "parameters": SETTINGS}
    claims, unread = claimed(with_text(tmp_path / "a.png", **chunks))
    assert [(each.tool, each.seed) for each in claims] == [
        ("AUTOMATIC1111", 4294967295),
        ("ComfyUI", 99),
        ("ComfyUI", 100),
    ]
    assert [each.others.get("sampler") for each in claims] == [None, "1 of 2", "2 of 2"]
    assert unread == []


Graph = dict[str, Any]


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


def saved(graph: Graph, sampler: str = "3") -> Graph:
    """The graph with nodes that decode and save what ``sampler`` made."""
    return graph | {
        "8": node("VAEDecode", samples=[sampler, 0], vae=["4", 2]),
        "save": node("SaveImage", filename_prefix="C", images=["8", 0]),
    }


def read(path: Path, graph: Graph) -> tuple[list[Claim], list[str]]:
    return claimed(with_text(path / "a.png", prompt=json.dumps(graph)))


def changed(graph: Graph, key: str, **inputs: Any) -> Graph:
    return graph | {key: graph[key] | {"inputs": {**graph[key]["inputs"], **inputs}}}


def test_a_picture_made_through_the_api_has_no_canvas(tmp_path: Path) -> None:
    (claim,), unread = read(tmp_path, saved(COMFY))
    check_comfy(claim)
    assert unread == []


def test_a_private_chunk_of_an_animated_png(tmp_path: Path) -> None:
    info = PngInfo()
    info.add(b"comf", b"prompt\0" + json.dumps(COMFY).encode(), after_idat=True)
    Image.new("RGB", (16, 16)).save(tmp_path / "a.png", pnginfo=info)
    (claim,), unread = claimed(tmp_path / "a.png")
    check_comfy(claim)
    assert claim.others["found in"] == "PNG chunk comf"
    assert unread == []


def test_values_behind_links_are_followed(tmp_path: Path) -> None:
    graph = saved(COMFY) | {
        "20": node("Seed (rgthree)", seed=875797394946022),
        "21": node("PrimitiveInt", value=33),
        "22": node("Reroute", **{"": ["21", 0]}),
        "23": node("StringConcatenate", string_a=["24", 0], string_b="at night", delimiter=" "),
        "24": node("PrimitiveString", value="a fox"),
        "25": node("PrimitiveInt", value=768),
    }
    graph = changed(graph, "3", seed=["20", 0], steps=["22", 0])
    graph = changed(changed(graph, "6", text=["23", 0]), "5", width=["25", 0])
    (claim,), unread = read(tmp_path, graph)
    assert (claim.seed, claim.steps, claim.prompt) == (875797394946022, 33, "a fox at night")
    assert (claim.width, claim.height) == (768, 640)
    assert unread == []


def test_texts_are_those_that_a_node_made_and_never_a_file_name(tmp_path: Path) -> None:
    graph = changed(saved(COMFY), "6", text=["20", 0])
    wildcards = node("ImpactWildcardProcessor", wildcard_text="{a|b}", populated_text="a", seed=3)
    (claim,), unread = read(tmp_path, graph | {"20": wildcards})
    assert (claim.prompt, unread) == ("a", [])
    caption = {
        "20": node("Captioner", image=["21", 0]),
        "21": node("LoadImage", image="x.png"),
    }
    (claim,), unread = read(tmp_path, graph | caption)
    assert claim.prompt is None
    assert unread == ["PNG text (ComfyUI): `text` of node 6 (CLIPTextEncode) leads to no text"]


def test_a_second_pass_is_the_claim_and_has_its_own_size(tmp_path: Path) -> None:
    second = COMFY["3"] | {
        "inputs": {**COMFY["3"]["inputs"], "seed": 9, "denoise": 0.5, "latent_image": ["11", 0]}
    }
    graph = COMFY | {"11": node("LatentUpscaleBy", samples=["3", 0], scale_by=1.5), "12": second}
    claims, unread = read(tmp_path, saved(graph, "12"))
    assert [(claim.seed, claim.denoise) for claim in claims] == [(9, 0.5), (99, 1)]
    assert [(claim.width, claim.height) for claim in claims] == [(768, 960), (512, 640)]
    assert unread == []


def test_custom_sampling_is_read_from_its_nodes(tmp_path: Path) -> None:
    graph = {key: COMFY[key] for key in "4567"} | {
        "3": node(
            "SamplerCustomAdvanced",
            noise=["21", 0], guider=["22", 0], sampler=["23", 0], sigmas=["25", 0],
            latent_image=["5", 0],
        ),
        "21": node("RandomNoise", noise_seed=1234567),
        "22": node("CFGGuider", cfg=5, model=["26", 0], positive=["6", 0], negative=["7", 0]),
        "23": node("KSamplerSelect", sampler_name="euler"),
        "24": node("BasicScheduler", scheduler="simple", steps=20, denoise=1, model=["4", 0]),
        "25": node("SplitSigmas", sigmas=["24", 0], step=20),
        "26": node("LoraLoader", lora_name="ink.safetensors", strength_model=0.7,
                   strength_clip=1, model=["4", 0], clip=["27", 0]),
        "27": node("CLIPSetLastLayer", stop_at_clip_layer=-2, clip=["4", 1]),
    }  # fmt: skip
    (claim,), unread = read(tmp_path, saved(graph))
    assert (claim.prompt, claim.negative_prompt, claim.seed) == ("an owl", "text", 1234567)
    assert (claim.steps, claim.guidance, claim.sampler) == (20, 5, "euler")
    assert (claim.schedule, claim.clip_skip, claim.width) == ("simple", 2, 512)
    assert claim.loras == [ClaimedLora(name="ink.safetensors", weight=0.7)]
    assert claim.model == "lab.safetensors"
    assert unread == []


def test_a_sampler_that_is_not_saved_is_no_claim_but_named(tmp_path: Path) -> None:
    decoy = {"9": COMFY["3"] | {"inputs": {**COMFY["3"]["inputs"], "seed": 100}}}
    (claim,), unread = read(tmp_path, decoy | saved(COMFY))
    assert claim.seed == 99
    assert unread == [
        "PNG text (ComfyUI): 1 samplers that do not lead to a saved picture: 9 (KSampler)"
    ]


@pytest.mark.parametrize("off", ["disable", False])
def test_a_sampler_without_noise_of_its_own_has_the_seed_of_the_one_before(
    off: str | bool, tmp_path: Path
) -> None:
    def advanced(seed: int, latent: str, noise: str | bool) -> dict[str, Any]:
        inputs = {k: v for k, v in COMFY["3"]["inputs"].items() if k not in ("seed", "denoise")}
        inputs |= {"noise_seed": seed, "add_noise": noise, "latent_image": [latent, 0]}
        return node("KSamplerAdvanced", **inputs)

    graph = COMFY | {"3": advanced(77, "5", "enable"), "9": advanced(0, "3", off)}
    claims, unread = read(tmp_path, saved(graph, "9"))
    assert [claim.seed for claim in claims] == [77, 77]
    assert claims[0].others["noise"] == "of node 3, because this sampler adds none"
    assert (claims[0].others["sampler"], claims[0].width) == ("1 of 2", 512)
    assert unread == []
    alone = COMFY | {"3": advanced(5, "5", off)}
    (claim,), _ = read(tmp_path, saved(alone))
    assert claim.seed is None
    assert claim.others["noise"].startswith("none is added")


def test_conditionings_are_followed_on_the_right_side(tmp_path: Path) -> None:
    graph = saved(COMFY) | {
        "30": node("ControlNetApplyAdvanced", positive=["31", 0], negative=["7", 0], strength=1),
        "31": node("ConditioningCombine", conditioning_1=["6", 0], conditioning_2=["32", 0]),
        "32": node("CLIPTextEncode", text="in snow", clip=["4", 1]),
    }
    graph = changed(graph, "3", positive=["30", 0], negative=["30", 1])
    (claim,), unread = read(tmp_path, graph)
    assert (claim.prompt, claim.negative_prompt) == ("an owl, in snow", "text")
    assert unread == []


def test_links_that_lead_nowhere_or_in_circles_are_named(tmp_path: Path) -> None:
    graph = saved(COMFY) | {"40": node("Reroute", value=["41", 0]), "41": node("R", x=["40", 0])}
    (claim,), unread = read(tmp_path, changed(graph, "3", seed=["40", 0], positive=["gone", 0]))
    assert (claim.seed, claim.prompt, claim.negative_prompt) == (None, None, "text")
    assert "PNG text (ComfyUI): a link leads to node gone, which is not there" in unread
    assert "PNG text (ComfyUI): `seed` of node 3 (KSampler) leads to no value" in unread
    circle = changed(saved(COMFY), "5", width=["5", 0])
    circle = changed(changed(circle, "4", model=["3", 0]), "3", latent_image=["3", 0])
    (claim,), unread = read(tmp_path, circle)
    assert (claim.seed, claim.width) == (99, None)


def test_the_canvas_alone_is_read_as_a_graph(tmp_path: Path) -> None:
    canvas = {
        "nodes": [
            {"id": 3, "type": "KSampler", "inputs": [
                {"name": "model", "link": 1}, {"name": "positive", "link": 4},
                {"name": "negative", "link": 6}, {"name": "latent_image", "link": 2}],
             "widgets_values": [99, "randomize", 20, 8, "euler", "normal", 1]},
            {"id": 4, "type": "CheckpointLoaderSimple", "widgets_values": ["lab.safetensors"]},
            {"id": 5, "type": "EmptyLatentImage", "widgets_values": [512, 640, 2]},
            {"id": 6, "type": "CLIPTextEncode", "widgets_values": ["an owl"],
             "inputs": [{"name": "clip", "link": 3}]},
            {"id": 7, "type": "CLIPTextEncode", "widgets_values": ["text"],
             "inputs": [{"name": "clip", "link": 5}]},
            {"id": 9, "type": "KSampler", "mode": 4, "widgets_values": [5, "fixed", 1, 1]},
        ],
        **LINKS,
    }  # fmt: skip
    (claim,), unread = claimed(with_text(tmp_path / "a.png", workflow=json.dumps(canvas)))
    check_comfy(claim)
    assert unread == []


def test_a_graph_of_only_other_nodes_says_so(tmp_path: Path) -> None:
    (claim,), unread = read(tmp_path, {"1": node("LoadImage", image="a.png")})
    assert (claim.tool, claim.others["nodes"]) == ("ComfyUI", "LoadImage")
    assert unread == ["PNG text (ComfyUI): no node that samples was recognised"]
