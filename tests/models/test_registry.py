"""A name becomes a model that is here, or a message with the command that gets it. No test uses a network."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pydantic
import pytest

from shotgraph.digests import file_key
from shotgraph.errors import UnavailableError, UsageError
from shotgraph.models.card import ModelCard, read_card
from shotgraph.models.digests import DigestMemo
from shotgraph.models.folders import loaded_files
from shotgraph.models.hub import HubModel, cached_models, hub_cache, hub_model
from shotgraph.models.reference import LoraReference, ModelReference, reference_of
from shotgraph.models.registry import Places, digests_of, known_names, refuse_adapters, resolve, resolve_reference

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PINNED = f"acme/tiny-sd@{COMMIT}"


def test_a_bundled_model_is_found_by_its_name(places: Places) -> None:
    model = resolve("stage-sd", places)

    assert (model.origin, model.place, model.commit) == ("bundled", places.bundled / "stage-sd", "")


@pytest.mark.parametrize("shape", ["{}", "{}/", "{}/../stage-sd"])
def test_a_path_is_a_local_folder(places: Places, shape: str) -> None:
    model = resolve(shape.format(places.bundled / "stage-sd"), places)

    assert model.origin == "local"
    assert model.digest == resolve("stage-sd", places).digest


def test_a_pinned_model_of_the_hub_is_found_in_its_cache(places: Places) -> None:
    model = resolve(PINNED, places)

    assert (model.origin, model.commit) == ("hub", COMMIT)
    assert model.place == places.hub / "models--acme--tiny-sd/snapshots" / COMMIT
    assert model.digest == resolve("stage-sd", places).digest


def test_a_short_name_is_a_pinned_model_of_the_hub(places: Places) -> None:
    found = hub_model("sd-1.5")

    assert found is not None
    assert found.id == "stable-diffusion-v1-5/stable-diffusion-v1-5"
    assert found.is_pinned
    with pytest.raises(UnavailableError, match=rf"run: shotgraph models pull {found.id}@{found.revision}$"):
        resolve("sd-1.5", places)


def test_an_absent_model_of_the_hub_says_the_command(places: Places) -> None:
    other = "f" * 40

    with pytest.raises(
        UnavailableError,
        match=rf"acme/tiny-sd@{other} must be on this machine, got nothing at .*; with a network run: shotgraph models pull acme/tiny-sd@{other}",
    ):
        resolve(f"acme/tiny-sd@{other}", places)


@pytest.mark.parametrize(("name", "said"), [("acme/tiny-sd", "none"), ("acme/tiny-sd@main", "main")])
def test_a_branch_is_no_pin_and_the_commit_that_is_here_is_told(places: Places, name: str, said: str) -> None:
    with pytest.raises(
        UsageError,
        match=rf"acme/tiny-sd must be pinned to a commit, got revision {said}; write {PINNED}, which is here",
    ):
        resolve(name, places)


def test_a_branch_that_was_never_pulled_says_the_command(places: Places) -> None:
    with pytest.raises(
        UsageError, match="got revision dev; run: shotgraph models pull acme/other@dev, and write the commit"
    ):
        resolve("acme/other@dev", places)


@pytest.mark.parametrize(
    ("name", "hint"), [("stage-ds", "did you mean 'stage-sd'"), ("zebra", "shotgraph models list")]
)
def test_an_unknown_name_lists_the_known_ones(places: Places, name: str, hint: str) -> None:
    with pytest.raises(
        UnavailableError, match=rf"must be one of stage-sd, sd-1.5, a folder, or .*, got '{name}'; {hint}"
    ):
        resolve(name, places)


@pytest.mark.parametrize("name", ["../assets/stage-sd", "./nothing", "~/no-such-model", "/no/such/model"])
def test_a_path_that_is_not_there_is_missing_not_looked_for_elsewhere(places: Places, name: str) -> None:
    with pytest.raises(UnavailableError, match="must exist, got nothing there; check the path"):
        resolve(name, places)


@pytest.mark.parametrize("name", ["a/../../etc", "..", "a/b/c", "org/name@../../x", "org/name@", "", "a b"])
def test_no_name_leads_out_of_the_cache(name: str) -> None:
    assert hub_model(name) is None


def test_a_folder_with_nothing_to_load_is_refused(places: Places, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(
        UnavailableError, match="empty must hold safetensors, got nothing to load; copy or pull the model again"
    ):
        resolve(str(tmp_path / "empty"), places)
    (tmp_path / "empty" / "config.json").write_text("{}")
    with pytest.raises(UnavailableError, match=r"empty must hold safetensors, got config\.json; copy"):
        resolve(str(tmp_path / "empty"), places)


def test_a_part_that_is_a_link_belongs_to_the_model(places: Places, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(places.bundled / "stage-sd", tmp_path / "linked"))
    (folder / "unet").rename(tmp_path / "store")
    (folder / "unet").symlink_to(tmp_path / "store")
    # A link back up would otherwise be followed for ever.
    (folder / "unet" / "back").symlink_to(tmp_path)
    weights = tmp_path / "store/diffusion_pytorch_model.safetensors"
    before = resolve(str(folder), places)

    assert before.digest == resolve("stage-sd", places).digest
    weights.write_bytes(weights.read_bytes() + b" ")
    assert resolve(str(folder), places).digest != before.digest


@pytest.mark.parametrize("name", ["~nobody-here/clip", "/" + "a" * 300])
def test_a_path_that_no_machine_can_have_is_said_to_be_one(places: Places, name: str) -> None:
    with pytest.raises(UnavailableError, match=rf"model: {name} must be a path, got: .*; check it"):
        resolve(name, places)
    with pytest.raises(UnavailableError, match="must be one of stage-sd"):
        resolve("a" * 300, places)


def test_a_model_of_pickles_alone_is_refused(places: Places, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(places.bundled / "stage-sd", tmp_path / "old"))
    (folder / "unet/diffusion_pytorch_model.safetensors").rename(folder / "unet/diffusion_pytorch_model.bin")

    with pytest.raises(
        UnavailableError, match=r"old/unet/diffusion_pytorch_model.bin must be safetensors, got a .bin file"
    ):
        resolve(str(folder), places)


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin"])
def test_one_file_may_be_safetensors_and_nothing_else(places: Places, tmp_path: Path, suffix: str) -> None:
    lora, pickle = tmp_path / "style.safetensors", tmp_path / f"style{suffix}"
    lora.write_bytes(b"weights")
    pickle.write_bytes(b"weights")

    assert list(resolve(str(lora), places).digests) == ["style.safetensors"]
    with pytest.raises(UnavailableError, match=rf"style\{suffix} must be safetensors, got a \{suffix} file"):
        resolve(str(pickle), places)


def test_only_what_a_loader_reads_is_part_of_a_model(places: Places) -> None:
    folder = places.bundled / "stage-sd"
    for name in (
        ".hidden.json", "notes.md", "digests.json", "v1-5-pruned.safetensors", "unet/model.fp16.safetensors",
        "unet/diffusion_pytorch_model.non_ema.safetensors", "safety_checker/config.json", "unet/old.bin", ".git/config.json",
    ):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("{}")

    assert sorted(loaded_files(folder)) == [
        "model_index.json",
        "tokenizer/merges.txt",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]


def test_every_byte_and_every_name_is_in_the_digest(places: Places, tmp_path: Path) -> None:
    def changed(**files: bytes) -> str:
        folder = Path(shutil.copytree(places.bundled / "stage-sd", tmp_path / f"copy{len(list(tmp_path.iterdir()))}"))
        for name, content in files.items():
            (folder / name.replace("__", "/")).write_bytes(content)
        return resolve(str(folder), places).digest

    original = resolve("stage-sd", places).digest

    digests = [
        changed(),
        changed(**{"unet__diffusion_pytorch_model.safetensors": b"weightz"}),
        changed(**{"unet__config.json": b"{ }"}),
        changed(**{"unet__more.json": b"{}"}),
        changed(**{"README.md": b'---\n{"shotgraph": {"guidance": 4}}\n---\n'}),
        changed(**{"README.md": b"# words for people only\n"}),
    ]

    assert digests[0] == digests[5] == original
    assert len(set(digests)) == 5


def test_digests_are_remembered_until_a_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.name)
        return file_key(path)

    monkeypatch.setattr("shotgraph.models.digests.file_key", counted)
    files = {name: tmp_path / name for name in ("a", "b")}
    for file in files.values():
        file.write_bytes(b"1")
    memo = tmp_path / "deep/models.sqlite"

    first, second = (DigestMemo(memo).digests(files) for _ in range(2))
    files["b"].write_bytes(b"22")
    third = DigestMemo(memo).digests(files)

    assert read == ["a", "b", "b"]
    assert first == second
    assert third["a"] == first["a"]
    assert third["b"] == file_key(files["b"])


def test_a_memo_that_cannot_be_used_costs_time_only(tmp_path: Path) -> None:
    broken, file = tmp_path / "broken.sqlite", tmp_path / "a"
    broken.write_bytes(b"no database" * 100)
    file.write_bytes(b"1")
    with sqlite3.connect(tmp_path / "other.sqlite") as connection:
        connection.execute("CREATE TABLE models (something TEXT)")
    connection.close()
    (tmp_path / "file").write_text("no folder")

    for place in (broken, tmp_path / "other.sqlite", tmp_path / "file/models.sqlite", None):
        assert DigestMemo(place).digests({"a": file}) == {"a": file_key(file)}


def test_a_reference_names_every_model_by_its_role(places: Places, tmp_path: Path) -> None:
    for name in ("style", "word", "image"):
        (tmp_path / f"{name}.safetensors").write_bytes(name.encode())
    reference = ModelReference(
        base="stage-sd",
        vae=PINNED,
        loras=(LoraReference(name=f"{tmp_path}/style.safetensors", scale=0.5),),
        textual_inversions=(f"{tmp_path}/word.safetensors",),
        ip_adapter=f"{tmp_path}/image.safetensors",
        single_file=f"{tmp_path}/style.safetensors",
    )

    models, digests = resolve_reference(reference, places), digests_of(reference, places)

    roles = ["base", "vae", "lora 1", "textual inversion 1", "ip_adapter", "single_file"]
    assert list(models) == list(digests) == roles
    assert digests["lora 1"] == digests["single_file"] != digests["ip_adapter"]
    assert digests_of("stage-sd", places) == {"base": digests["base"]}
    with pytest.raises(
        UnavailableError,
        match="edit: model must be a base with at most another vae, got ip_adapter, lora 1, single_file, textual inversion 1",
    ):
        refuse_adapters(models, who="edit")


def test_a_reference_is_frozen_and_knows_its_fields() -> None:
    assert reference_of("stage-sd") == ModelReference(base="stage-sd")
    assert reference_of(ModelReference(base="a")).base == "a"
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        reference_of("a").base = "b"  # type: ignore[misc]
    with pytest.raises(pydantic.ValidationError, match="Extra inputs"):
        ModelReference.model_validate({"base": "a", "lora": "b"})


def test_what_is_known_and_what_is_here(places: Places) -> None:
    assert known_names(places) == {"stage-sd": True, "sd-1.5": False, PINNED: True}
    assert cached_models(places.hub) == [HubModel("acme/tiny-sd", COMMIT)]


def test_without_any_model_the_names_are_still_known(tmp_path: Path) -> None:
    nothing = Places(bundled=tmp_path / "a", hub=tmp_path / "b", records=tmp_path / "c")

    assert known_names(nothing) == {"sd-1.5": False}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"XDG_CACHE_HOME": "/x"},
        {"HF_HOME": "/h", "XDG_CACHE_HOME": "/x"},
        {"HF_HUB_CACHE": "/c", "HF_HOME": "/h", "HUGGINGFACE_HUB_CACHE": "/old"},
        {"HUGGINGFACE_HUB_CACHE": "~/old", "HF_HOME": "/h"},
        {"HF_HOME": "$STORE/models", "STORE": "/s"},
    ],
)
def test_the_hubs_cache_is_where_the_hubs_own_library_has_it(environ: dict[str, str]) -> None:
    program = "from huggingface_hub.constants import HF_HUB_CACHE; print(HF_HUB_CACHE)"
    own = subprocess.run(
        [sys.executable, "-c", program],
        env={"HOME": str(Path.home())} | environ,
        capture_output=True,
        text=True,
        check=True,
    )

    assert hub_cache(environ) == Path(own.stdout.strip())


FULL = {"prompt": "a red star", "negative_prompt": "", "guidance": 4.0, "steps": 50, "side_px": 128}


@pytest.mark.parametrize(
    "front",
    [
        json.dumps({"license": "apache-2.0", "shotgraph": FULL | {"gates": [1]}}, indent=1),
        "license: apache-2.0\nshotgraph:\n  prompt: a red star\n  negative_prompt: ''\n  guidance: 4.0\n  steps: 50\n  side_px: 128",
    ],
)
def test_a_card_is_read_as_yaml_and_as_json(tmp_path: Path, front: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n\n# Tiny\n\n---\nmore\n---\n")

    assert read_card(tmp_path) == ModelCard(**FULL)


@pytest.mark.parametrize("text", ["# no front matter\n", "---\nlicense: mit\n---\n", "---\n- a\n- b\n---\n", ""])
def test_a_readme_without_settings_says_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "README.md").write_text(text)

    assert read_card(tmp_path) == read_card(tmp_path / "nowhere") == ModelCard()


@pytest.mark.parametrize(
    "front", ["shotgraph: {guidance: -1}", "shotgraph: {steps: many}", "shotgraph: [", "shotgraph: {a: b: c}"]
)
def test_a_card_that_cannot_be_read_is_an_error(tmp_path: Path, front: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\n")

    with pytest.raises(
        UnavailableError, match=rf"the card {tmp_path}/README.md must hold settings under 'shotgraph', got: "
    ):
        read_card(tmp_path)


def test_words_outside_a_closed_vocabulary_are_found_once_each() -> None:
    closed: Any = ModelCard(vocabulary=("red", "star", "a"))

    assert closed.unknown_words("A red, red dragon. Dragon over a STAR!") == ["dragon", "over"]
    assert ModelCard().unknown_words("a red dragon") == []
