"""The table and the page: rules that keep a report honest, and text that cannot become code."""

import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from typing import Any

import cv2
import numpy as np
import pytest

from shotgraph.errors import OutputError
from shotgraph.stage.bench.bootstrap import Effect
from shotgraph.stage.bench.claims import Claims
from shotgraph.stage.bench.codec import Codec
from shotgraph.stage.bench.harness import Bench
from shotgraph.stage.bench.methods import Settings
from shotgraph.stage.bench.page import _claim_row
from shotgraph.stage.bench.plots import Dot, intervals, scatter
from shotgraph.stage.bench.report import spearman, write_report
from shotgraph.stage.bench.rows import Row
from shotgraph.stage.bench.scores import Instruments
from shotgraph.stage.bench.strips import read_png, sheet, strip, write_png
from shotgraph.stage.bench.table import (
    COLUMNS,
    COMPANY,
    Cell,
    cell_of,
    head_of,
    success_by_edit,
    summary,
    with_company,
)

Small = Callable[..., Bench]
MakeRow = Callable[..., Row]
EVIL = "<script>alert('x')</script>&\""


class Tags(HTMLParser):
    """Every tag and every address in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]


@pytest.mark.parametrize("metric", ["warp_error_e3", "warp_error_excess_e3", "warp_error_far_e3"])
def test_a_warp_error_is_printed_only_beside_success_and_the_distance_to_the_truth(metric: str) -> None:
    assert with_company([metric]) == (*COMPANY, metric)
    assert with_company(["flicker_e3", metric, "success"])[:2] == ("success", "psnr_to_truth_db")
    assert with_company(["flicker_e3"]) == ("flicker_e3",)


def test_the_table_asks_for_company_itself(small: Small) -> None:
    finished = small(profile={"clips": 1}).run()

    (first, *_) = summary(finished, ["warp_error_e3"])

    assert list(first.cells) == ["success", "psnr_to_truth_db", "warp_error_e3"]
    assert with_company(COLUMNS) == COLUMNS


def test_what_fails_the_edit_stands_in_brackets(make_row: MakeRow) -> None:
    metrics = {"success": 0.0, "warp_error_e3": 0.001}
    failed = [make_row("a", clip, metrics=metrics, rankable=False) for clip in range(2)]

    assert cell_of(failed, "warp_error_e3").text("warp_error_e3") == "(0.0010)"
    assert cell_of(failed, "success").text("success") == "0.00"


def test_one_failure_does_not_lend_its_low_warp_error_to_the_rest(make_row: MakeRow) -> None:
    good = make_row("a", 1, metrics={"success": 1.0, "warp_error_e3": 4.0})
    bad = make_row("a", 2, metrics={"success": 0.0, "warp_error_e3": 0.0}, rankable=False)

    assert cell_of([good, bad], "warp_error_e3").value == 4.0
    assert cell_of([good, bad], "success").value == 0.5


def test_a_clip_counts_with_all_its_seeds_or_not_at_all(make_row: MakeRow) -> None:
    """The table has the rule of the claims."""
    lucky = make_row("a", 1, seed=0, metrics={"warp_error_e3": 1.0})
    unlucky = [make_row("a", 1, seed=seed, metrics={"warp_error_e3": 4.0}, rankable=False) for seed in (1, 2)]
    good = make_row("a", 2, metrics={"warp_error_e3": 3.0})

    assert cell_of([lucky, *unlucky, good], "warp_error_e3").value == 3.0
    assert cell_of([lucky, unlucky[0], good], "warp_error_e3").value == (2.5 + 3.0) / 2


def test_a_mean_is_over_clips_and_not_over_rows(make_row: MakeRow) -> None:
    many = [make_row("a", 1, seed=seed, metrics={"flicker_e3": 10.0}) for seed in range(9)]

    assert cell_of([*many, make_row("a", 2, metrics={"flicker_e3": 0.0})], "flicker_e3").value == 5.0


def test_missing_edits_are_stated(small: Small, blend: Any) -> None:
    class Choosy(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            self.fails = edit.family == "E4"
            return super().run(frames, edit, seed, settings)

    report = write_report(small(Choosy(), profile={"edits": ("E1", "E4"), "clips": 1}).run())

    line = next(line for line in report.lines if line.method == "blend")
    assert line.missing.startswith("E4 on 1 clips: blend: guidance must be mild")
    assert line.rows == 1
    assert "blend: E4 on 1 clips" in report.page_file.read_text(encoding="utf-8")


def test_missing_seeds_are_stated(small: Small, blend: Any) -> None:
    class Unlucky(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            self.fails = seed == 1
            return super().run(frames, edit, seed, settings)

    finished = small(Unlucky(noise=0.01), profile={"seeds": (0, 1), "clips": 2}).run()

    (line,) = [line for line in summary(finished) if line.method == "blend"]
    assert line.missing.startswith("E1 seed 1 on 2 clips: blend: guidance must be mild")


def test_families_that_were_not_run_and_a_gate_without_a_vae_are_named(small: Small, blend: Any) -> None:
    report = write_report(small(blend(), profile={"edits": ("E1", "E4"), "clips": 1}).run())
    text = unescape(report.page_file.read_text(encoding="utf-8"))

    (left,) = report.notes
    assert left.startswith("Not run: E2 (texture of an object), E3 (shape of an object), E5 (global style), ")
    assert "E4" not in left
    assert left in text
    assert "There is no VAE (no model given, so no VAE), and so no floor" in text
    assert "more than 6 dB" in report.warnings[0]


def test_a_vae_needs_no_warning(small: Small, blend: Any) -> None:
    class Exact(Codec):
        @property
        def missing(self) -> str:
            return ""

        def round_trip(self, frames: Any) -> Any:
            return frames

    assert write_report(small(blend(), codec=Exact(), profile={"clips": 1}).run()).warnings == ()


def test_the_head_of_the_claims_says_how_careful_they_are(small: Small, blend: Any, claims: Claims) -> None:
    bold = claims.declared.model_copy(update={"defaults": claims.defaults.model_copy(update={"confidence": 0.8})})

    report = write_report(small(blend(), claims=Claims(bold, "b2:bold"), profile={"clips": 1}).run())

    assert "<th>80%</th>" in report.page_file.read_text(encoding="utf-8")


def test_evaluations_of_which_some_were_not_counted_have_no_mean(small: Small, blend: Any) -> None:
    class Opaque(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            outcome = super().run(frames, edit, seed, settings)
            return replace(outcome, evaluations=None if len(self.calls or ()) == 1 else 7)

    (line,) = [line for line in summary(small(Opaque(calls=[])).run()) if line.method == "blend"]

    assert line.evaluations is None


def test_rows_with_a_matte_are_a_group_of_their_own(small: Small, blend: Any) -> None:
    finished = small(blend(), names=("blend@matte", "blend"), profile={"clips": 1}).run()

    lines = summary(finished)

    assert [(line.method, line.group) for line in lines[-2:]] == [("blend", "free"), ("blend@matte", "matte")]
    assert not any(row.settings["matte"] for row in finished.rows if row.method != "blend@matte")


def test_the_page_stands_alone_and_says_what_it_cannot_show(small: Small, blend: Any) -> None:
    report = write_report(small(blend()).run())
    text = report.page_file.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)

    assert "validates mechanisms, not real-world quality" in text
    assert "different data, different scale" in text
    assert "or was asked to change nothing" in text
    assert "means over that method's rankable clips; only claims compare equal clips" in unescape(text)
    assert not {"script", "link", "iframe", "object", "a"} & set(tags.tags)
    assert tags.tags.count("svg") >= 2
    assert tags.tags.count("img") == len(report.sheets) == 2
    assert all(address.startswith("data:image/png;base64,") for address in tags.addresses)
    assert not re.search(r"https?://|@import|url\(", text)
    for name in ("copy_source", "repeat_frame", "gt_edit", "gt_vae", "colour_jitter", "blur", "blend"):
        assert f"<td>{name}</td>" in text


def test_foreign_text_cannot_become_code(small: Small, blend: Any) -> None:
    report = write_report(small(blend(name=EVIL, absent=EVIL), blend(name="b", fails=True)).run())
    text = report.page_file.read_text(encoding="utf-8")
    tags = Tags()
    tags.feed(text)

    assert "script" not in tags.tags
    assert "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt;&amp;&quot;" in text
    drawn = scatter([Dot(EVIL, 1.0, 2.0, hollow=False)], x_title=EVIL, y_title=EVIL)
    drawn += intervals([(EVIL, EVIL, 1.0, 0.5, 2.0)], kind="ratio")
    assert "<script" not in drawn


def test_a_scatter_puts_more_to_the_right_and_up() -> None:
    drawn = scatter(
        [Dot("low", 10.0, 0.0, hollow=True), Dot("high", 30.0, 1.0, hollow=False)], x_title="x", y_title="y"
    )
    places = re.findall(r'<circle cx="([\d.]+)" cy="([\d.]+)" r="5" (fill="\S+)"', drawn)
    (x1, y1, look1), (x2, y2, look2) = places

    assert float(x2) > float(x1)
    assert float(y2) < float(y1)
    assert (look1, look2) == ('fill="none', 'fill="#1f5fa8')
    assert "Nothing to draw" in scatter([], x_title="x", y_title="y")


def test_intervals_are_drawn_in_the_order_of_their_values() -> None:
    drawn = intervals([("O1", "PASS", 2.0, 1.5, 3.0)], kind="ratio")
    neutral, low = (float(value) for value in re.findall(r'<line x1="([\d.]+)"', drawn))
    effect = float(re.findall(r'<circle cx="([\d.]+)"', drawn)[0])

    assert neutral < low < effect
    assert "O1 PASS" in drawn
    assert "No claim of this kind" in intervals([], kind="difference")


def test_ratios_lie_on_a_logarithmic_scale_and_differences_do_not() -> None:
    """On a plain one, an interval that ends at its cap would press all others into a line."""
    entries = [("O1", "TIE", 4.0, 0.25, 100.0)]

    def places(kind: Effect) -> list[float]:
        neutral, low = (float(x) for x in re.findall(r'<line x1="([\d.]+)"', intervals(entries, kind=kind)))
        return [low, neutral, float(re.findall(r'<circle cx="([\d.]+)"', intervals(entries, kind=kind))[0])]

    low, neutral, effect = places("ratio")
    # A quarter and four times are as far from none.
    assert effect - neutral == pytest.approx(neutral - low, abs=0.2)
    low, neutral, effect = places("difference")
    assert (effect - neutral) / (low - neutral) == pytest.approx(4.0 / 0.25, rel=0.1)
    assert "&gt;100</text>" in intervals(entries, kind="ratio")
    assert ">100</text>" in intervals(entries, kind="difference")


def test_an_end_of_the_scale_beside_its_middle_is_not_printed_over_it() -> None:
    drawn = intervals([("O1", "TIE", 0.5, -0.001, 70.0)], kind="difference")

    assert re.findall(r'text-anchor="middle">([^<]+)<', drawn) == ["0", "70"]


def test_a_method_without_any_error_does_not_press_all_others_together() -> None:
    dots = [Dot("a", 20.0, 0.2, hollow=False), Dot("b", 30.0, 0.5, hollow=False)]

    drawn = scatter([*dots, Dot("true (exact)", math.inf, 1.0, hollow=False)], x_title="x", y_title="y")

    places = [float(x) for x in re.findall(r'<circle cx="([\d.]+)"', drawn)]
    assert places[0] < places[1] == places[2]
    assert ">30</text>" in drawn
    # Where it lies on the best of the others, both names can be read.
    drawn = scatter([dots[1], Dot("true", math.inf, 0.5, hollow=False)], x_title="x", y_title="y")
    heights = [float(re.findall(rf'y="([\d.]+)">{name}<', drawn)[0]) for name in ("b", "true")]
    assert heights[0] - heights[1] >= 11
    assert "inf" not in scatter([Dot("true", math.inf, 1.0, hollow=False)], x_title="x", y_title="y")


def test_an_interval_that_ends_at_its_cap_is_printed_as_more() -> None:
    effect = {"value": 23.0, "low": 1.5, "high": 100.0, "clips": 16}
    entry = {
        "claim": "O1",
        "title": "t",
        "verdict": "PASS",
        "effect_kind": "ratio",
        "minimum_effect": 1.25,
        "reasons": [],
    }

    told = unescape(_claim_row(entry | {"effect": effect}))

    assert "<td>23</td><td>1.5 to >100</td><td>1.25</td><td>16</td>" in told
    assert "1.5 to 100<" in unescape(_claim_row(entry | {"effect": effect, "effect_kind": "difference"}))


@pytest.mark.parametrize(
    ("metric", "value", "is_ranked", "text"),
    [
        ("psnr_to_truth_db", 100.0, True, "exact"),
        ("background_psnr_db", 100.0, False, "(exact)"),
        ("psnr_to_truth_db", 99.9, True, "99.9"),
        ("trajectory_error_px", 100.0, True, "100.00"),
    ],
)
def test_a_psnr_of_what_is_equal_is_no_number(metric: str, value: float, is_ranked: bool, text: str) -> None:
    assert Cell(value, is_ranked).text(metric) == text


def test_the_head_of_a_column_says_its_unit_and_which_way_is_better() -> None:
    heads = [head_of(metric) for metric in COLUMNS]

    assert heads == [
        "success ↑",
        "PSNR to truth dB ↑",
        "warp error e-3 ↓",
        "over the true edit ↓",
        "PSNR of background dB ↑",
        "flicker e-3 ↓",
        "trajectory px ↓",
        "consistency ↑",
        "clip consistency ↑",
        "motion fidelity ↑",
    ]
    assert head_of("warp_ssim") == "warp_ssim ↑"


def test_success_is_told_edit_by_edit(small: Small, blend: Any) -> None:
    class Choosy(blend):
        def run(self, frames: Any, edit: Any, seed: Any, settings: Any) -> Any:
            self.share = 1.0 if edit.family == "E1" else 0.0
            return super().run(frames, edit, seed, settings)

    finished = small(Choosy(), profile={"edits": ("E1", "E4"), "clips": 1}).run()
    text = write_report(finished).page_file.read_text(encoding="utf-8")

    found = success_by_edit(finished)
    assert {family: cell.value for family, cell in found["blend"].items()} == {"E1": 1.0, "E4": 0.0}
    assert found["gt_vae"]["E1"].text("success") == "-"
    assert "<th>E1, colour of an object</th><th>E4, background</th>" in text
    assert "<tr><td>blend</td><td>1.00</td><td>0.00</td></tr>" in text


def test_a_reader_is_told_under_which_conditions_before_any_number(small: Small, blend: Any) -> None:
    class Told(blend):
        def identity(self, settings: Any) -> dict[str, str]:
            return {"model of edit.blend": "b2:77", "device": "cuda:0", "gpu": "G7", "threads": "3", "dtype": "fp16"}

    settings = Settings(model="stage-sd", steps=4, inversion_steps=6)
    instruments = Instruments(version="stage-judge b2:88")
    report = write_report(small(Told(), settings=settings, instruments=instruments, guidance=2.5).run())
    text = unescape(report.page_file.read_text(encoding="utf-8"))

    assert report.setup in text
    assert text.index(report.setup) < text.index("<table>")
    for part in (
        "Profile smoke: 2 held-out clips of 4 frames at 64 px, edits E1 (every edit on every clip), seeds 0",
        "guidance 2.5 for all methods (given). Claims frozen as b2:",
        "Model stage-sd: b2:77 (edit.blend), no VAE (no model given, so no VAE).",
        "Run with device cuda:0, gpu G7, threads 3, dtype fp16.",
        "Judged by stage-judge b2:88, and by exact truth.",
        f"numpy {np.__version__}",
        "scikit-image ",
    ):
        assert part in report.setup


def test_a_run_of_controls_alone_says_so(small: Small) -> None:
    setup = write_report(small(instruments=Instruments(no_reader="none here"), profile={"clips": 1}).run()).setup

    assert "Model none: no VAE (no model given, so no VAE)." in setup
    assert "Nothing was run but controls that are made of the truth." in setup
    assert "Judged by exact truth alone: there is no trained judge (none here)." in setup


def test_a_contact_sheet_shows_every_method_below_source_and_truth(small: Small, blend: Any) -> None:
    report = write_report(small(blend(), profile={"clips": 1}).run())
    picture = read_png(report.sheets[0])

    # Source, truth, five controls (there is no VAE) and the method: 64 px each, a label above and a gap below.
    assert picture.shape == (8 * (16 + 64 + 2), 4 * 64, 3)
    source, copied = picture[16 : 16 + 64], picture[2 * 82 + 16 : 2 * 82 + 16 + 64]
    assert np.array_equal(source, copied)


def test_a_strip_spreads_over_a_long_clip_and_colours_survive_the_file(tmp_path: Any) -> None:
    frames = np.zeros((17, 4, 6, 3), np.float32)
    frames[..., 0] = np.linspace(0, 1, 17)[:, None, None]

    picture = strip(frames)
    write_png(tmp_path / "deep" / "strip.png", picture)

    assert picture.shape == (4, 8 * 6, 3)
    assert picture[0, 0, 0] == 0
    assert picture[0, -1, 0] == 255
    assert np.array_equal(read_png(tmp_path / "deep" / "strip.png"), picture)
    assert cv2.imread(str(tmp_path / "deep" / "strip.png"))[0, -1].tolist() == [0, 0, 255]


def test_a_picture_that_is_gone_or_cannot_be_written_is_said(tmp_path: Any) -> None:
    with pytest.raises(OutputError, match=r"gone\.png must be a picture of an earlier run"):
        read_png(tmp_path / "gone.png")


def test_strips_of_different_lengths_share_a_sheet() -> None:
    wide, narrow = np.full((4, 9, 3), 7, np.uint8), np.full((4, 3, 3), 9, np.uint8)

    picture = sheet([("a", wide), ("ünicode", narrow)])

    assert picture.shape == (2 * (16 + 4 + 2), 9, 3)
    assert (picture[16:20] == 7).all()
    assert (picture[38:42, :3] == 9).all()


def test_judge_and_embedder_that_disagree_are_warned_about(make_row: MakeRow) -> None:
    def rows(alignments: list[float]) -> list[Row]:
        values = enumerate(alignments)
        return [make_row("a", n, metrics={"success_judged": n / 10, "text_alignment": v}) for n, v in values]

    assert spearman(rows([0.1, 0.2, 0.25, 0.4, 0.5, 0.55, 0.7, 9.0])) == pytest.approx(1.0)
    assert spearman(rows([8, 7, 6, 5, 4, 3, 2, 1])) == pytest.approx(-1.0)
    assert spearman(rows([1, 1, 1, 1, 2, 2, 2, 2])) == pytest.approx(0.8729, abs=1e-3)
    assert spearman(rows([1.0] * 8)) is None
    assert spearman(rows([1, 2, 3])) is None
