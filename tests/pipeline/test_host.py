"""The host: its devices, its threads, and the facts that keys depend on."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from shotgraph.errors import UnavailableError
from shotgraph.pipeline import host
from shotgraph.pipeline.host import cuda_devices, environment, set_threads, settle_device


@pytest.fixture
def gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver's folder with two devices."""
    folder = tmp_path / "gpus"
    for place, model in (("0000:01:00.0", "NVIDIA L4"), ("0000:02:00.0", "NVIDIA H100 80GB HBM3")):
        (folder / place).mkdir(parents=True)
        (folder / place / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 80\n", encoding="utf-8")
    monkeypatch.setattr(host, "_GPUS", folder)


@pytest.fixture
def no_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_GPUS", tmp_path / "nothing")


@pytest.mark.usefixtures("gpus")
def test_devices_are_read_from_the_driver() -> None:
    assert cuda_devices() == ["NVIDIA L4", "NVIDIA H100 80GB HBM3"]


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize(
    ("asked", "expected"), [("auto", "cuda:0"), ("cpu", "cpu"), ("cuda", "cuda:0"), ("cuda:1", "cuda:1")]
)
def test_a_device_that_is_there_is_settled(asked: str, expected: str) -> None:
    assert settle_device(asked) == expected


@pytest.mark.usefixtures("no_gpus")
def test_auto_is_the_processor_without_a_device() -> None:
    assert [settle_device(asked) for asked in ("auto", "cpu")] == ["cpu", "cpu"]


@pytest.mark.usefixtures("gpus")
@pytest.mark.parametrize("asked", ["cuda:2", "cuda:-1", "cuda:x", "gpu", "CUDA:0", "cuda1:0"])
def test_a_device_that_is_not_there_is_never_replaced(asked: str) -> None:
    with pytest.raises(
        UnavailableError, match=rf"device: must be auto, cpu or one of 2 CUDA devices, got '{asked}'; use --device cpu"
    ):
        settle_device(asked)


@pytest.mark.usefixtures("no_gpus")
def test_without_devices_cuda_is_refused() -> None:
    with pytest.raises(UnavailableError, match="one of 0 CUDA devices, got 'cuda'; use --device cpu") as caught:
        settle_device("cuda")
    assert caught.value.exit_code == 69


@pytest.mark.usefixtures("gpus")
def test_a_host_says_what_its_keys_depend_on() -> None:
    on_processor, on_device = (environment(device=device, threads=3) for device in ("cpu", "cuda:1"))

    assert {"numpy", "python", "cpu", "threads", "device"} <= set(on_processor)
    assert (on_processor["threads"], on_processor["device"]) == ("3", "cpu")
    assert on_device == on_processor | {"device": "cuda:1", "gpu": "NVIDIA H100 80GB HBM3"}


def test_threads_are_set_in_libraries_that_are_loaded_and_for_those_to_come(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[tuple[str, int]] = []
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "8"})
    loaded = {"torch": SimpleNamespace(set_num_threads=lambda n: called.append(("torch", n))), "cv2": None}

    set_threads(3, loaded=loaded)

    assert called == [("torch", 3)]
    assert os.environ == dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "3")
