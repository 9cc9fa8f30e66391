"""`shotgraph models`, over a faked installation and a faked cache of the hub."""

import socket
from pathlib import Path
from typing import Any

import huggingface_hub
import pytest
from fake_models import COMMIT, fake_hub, faked_places
from huggingface_hub.errors import HFValidationError, HTTPError, LocalEntryNotFoundError

from shotgraph.errors import Exit
from shotgraph.models.registry import Places

PINNED = f"acme/tiny-sd@{COMMIT}"
WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The user's own places; whoever opens a connection crashes."""
    places = faked_places(tmp_path / "places")
    monkeypatch.setattr(Places, "of_user", lambda: places)

    def connect(*_given: object) -> None:
        raise AssertionError("network")

    monkeypatch.setattr(socket.socket, "connect", connect)
    return places


def test_list_tells_what_is_here_and_the_command_for_what_is_not(shotgraph: Any, places: Places) -> None:
    ran = shotgraph("models", "list")
    rows = shotgraph("models", "list", "--json").document

    size = sum(f.stat().st_size for f in (places.bundled / "stage-sd").rglob("*") if f.is_file())
    assert [(row["name"], row["origin"], row["bytes"], row["state"]) for row in rows] == [
        ("stage-sd", "bundled", size, "here"),
        ("sd-1.5", "hub", 0, "absent; shotgraph models pull sd-1.5"),
        (PINNED, "hub", size, "here"),
    ]
    assert ran.out.splitlines()[1].split() == ["stage-sd", "bundled", str(size), "B", "here"]


def test_list_says_why_a_model_is_unusable(shotgraph: Any, places: Places) -> None:
    (places.bundled / "stage-clip").mkdir()

    rows = shotgraph("models", "list", "--json").document

    assert rows[0]["name"] == "stage-clip"
    assert rows[0]["state"].startswith(
        f"unusable: model: {places.bundled}/stage-clip must hold safetensors, got nothing"
    )


def test_show_prints_place_digest_card_and_files(shotgraph: Any, places: Places) -> None:
    (places.bundled / "stage-sd/README.md").write_text(
        '---\n{"shotgraph": {"guidance": 4.5, "vocabulary": ["a", "b"]}}\n---\n'
    )

    ran = shotgraph("models", "show", "stage-sd")
    document = shotgraph("models", "show", "stage-sd", "--json").document

    assert ran.out.startswith(f"stage-sd  bundled  {places.bundled}/stage-sd\ndigest  {document['digest']}\n")
    assert "guidance  4.5\nvocabulary  a, b\n" in ran.out
    assert f"\n{WEIGHTS}  {document['files'][WEIGHTS]}\n" in ran.out
    assert document["card"]["guidance"] == 4.5


@pytest.mark.usefixtures("places")
def test_show_of_an_absent_model_is_69_with_the_command(shotgraph: Any) -> None:
    ran = shotgraph("models", "show", "sd-1.5")

    assert ran.code == Exit.UNAVAILABLE
    assert ran.err.rstrip().endswith(
        "run: shotgraph models pull stable-diffusion-v1-5/stable-diffusion-v1-5@451f4fe16113bff5a5d2269ed5ad43b0592e9a14"
    )


def test_pull_downloads_safetensors_only_and_records_the_commit(
    shotgraph: Any, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}
    new = "a" * 40

    def download(repo_id: str, **options: Any) -> str:
        asked.update(options, repo_id=repo_id)
        return str(fake_hub(Path(options["cache_dir"]), name=repo_id, commit=new))

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)

    ran = shotgraph("models", "pull", "acme/other@main")

    assert (ran.code, asked["repo_id"], asked["revision"], asked["cache_dir"]) == (0, "acme/other", "main", places.hub)
    assert "*.safetensors" in asked["allow_patterns"]
    assert not {"*.bin", "*.ckpt", "*.pt"} & set(asked["allow_patterns"])
    assert ran.out.endswith(f"in a preset write:\nmodel: acme/other@{new}\n")
    assert (places.records / f"acme--other@{new}.json").is_file()
    assert shotgraph("models", "verify", f"acme/other@{new}").code == 0


def test_verify_tells_of_every_model_though_one_is_unusable(shotgraph: Any, places: Places) -> None:
    (places.bundled / "stage-clip").mkdir()
    (places.bundled / "stage-clip/pytorch_model.bin").write_bytes(b"weights")

    ran = shotgraph("models", "verify")

    assert ran.code == Exit.UNAVAILABLE
    assert ["stage-sd", WEIGHTS] in [line.split()[:2] for line in ran.out.splitlines()]
    assert "every file must be as recorded, got stage-clip (model: " in ran.err
    assert "pytorch_model.bin must be safetensors, got a .bin file" in ran.err


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize(
    "error", [LocalEntryNotFoundError, HTTPError, HFValidationError, OSError], ids=lambda kind: kind.__name__
)
def test_pull_without_a_network_says_what_to_do(
    shotgraph: Any, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def download(*_given: object, **_options: object) -> str:
        raise error("Cannot reach the hub.\nmore lines")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)

    ran = shotgraph("models", "pull", PINNED)

    assert ran.code == Exit.UNAVAILABLE
    assert ran.err == (
        f"Error: model: {PINNED} must be downloadable, got: Cannot reach the hub.; check the id, the network and your token, "
        "or copy the folder here and name it by its path\n"
    )


@pytest.mark.usefixtures("places")
def test_pull_takes_only_models_of_the_hub(shotgraph: Any) -> None:
    ran = shotgraph("models", "pull", "stage-sd")

    assert ran.code == Exit.USAGE
    assert "NAME must be a model of the hub such as org/name@commit, got 'stage-sd'" in ran.err


def test_verify_reads_all_that_is_here_and_fails_on_what_changed(shotgraph: Any, places: Places) -> None:
    assert shotgraph("models", "verify").code == 0
    file = places.bundled / "stage-sd" / WEIGHTS
    file.write_bytes(file.read_bytes()[:-1])

    ran = shotgraph("models", "verify", "--json")

    assert ran.code == Exit.UNAVAILABLE
    assert [row["file"] for row in ran.document if row["state"] == "damaged"] == [WEIGHTS]
    assert ran.err == (
        f"Error: models: every file must be as recorded, got stage-sd/{WEIGHTS} (damaged); pull or install the model again\n"
    )
