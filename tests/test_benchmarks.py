"""The benchmarks run and measure what they say. How fast anything is, no test asks."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import (
    __main__,
    classic,
    documents,
    figures,
    imports,
    large,
    latency,
    listing,
    load,
    rerun,
    retention,
    review,
    thumbnails,
)
from benchmarks.figures import APOM, Aim, Figure, figure, percentile, table
from benchmarks.rivals import InvokeShaped, Keyset


def check(found: list[Figure], who: set[str]) -> dict[str, Figure]:
    """Sane kinds; apom's own by what they are of."""
    assert {one.who for one in found} == who
    for one in found:
        assert one.n > 0
        assert one.cpu_ms is None or isinstance(one.cpu_ms, float), one
        assert one.p50_ms is None or (one.p99_ms is not None and one.p50_ms <= one.p99_ms), one
        assert one.cpu_ms is not None or one.p50_ms is not None, one
    return {one.what: one for one in found if one.who == APOM}


def test_every_store_answers_with_the_same_rows() -> None:
    found = listing.run("toy")
    ours = check(found, {APOM, Keyset.who, InvokeShaped.who})
    assert {one.what: one.note for one in found if one.who == Keyset.who} == {
        what: one.note for what, one in ours.items()
    }
    assert ours["page of a large box"].note == "200 rows"
    assert ours["search: a rare word"].note == "1 rows"
    assert [what for what, one in ours.items() if one.aim is None] == []


def test_the_pages_are_drawn_and_weighed() -> None:
    ours = check(rerun.run("toy"), {APOM, "Streamlit, as it comes", "Streamlit, no GC after a run"})
    assert "box page, 2000 takes, 2 sessions" in ours
    assert "box page opened, 200 takes" in ours


def test_what_is_ordered_comes_and_the_time_it_took_is_told_apart() -> None:
    ours = check(latency.run("toy"), {APOM, latency.NAIVE})
    parts = [one for what, one in ours.items() if what.startswith("…")]
    assert len(parts) == 4
    assert all(one.p50_ms is not None and one.p50_ms >= 0 for one in parts)


def test_what_is_ordered_at_once_comes_and_pages_are_drawn_meanwhile() -> None:
    ours = check(load.run("toy"), {APOM})
    assert ours["5 at once, checked, with thumbnails: added"].n == 5
    assert ours["2 of 20 MB at once: the latest tick"].n >= 1
    assert ours["box page, 4 in flight"].aim is not None


def test_a_link_is_opened_on_a_slow_network_and_reviewers_talk() -> None:
    ours = check(review.run("toy"), {APOM})
    assert {"first picture of the film, 4G, 170 ms", "first frame of the clip, 4G, 85 ms"} <= set(ours)
    assert ours["… and 2 pictures are made"].aim is not None


def test_thumbnails_are_made_beside_pillow_alone() -> None:
    ours = check(thumbnails.run("toy"), {APOM, thumbnails.PILLOW})
    assert len(ours) == 5
    assert ours["4K thumbnails, one of each"].aim is not None


def test_documents_are_written_beside_python_docx_alone() -> None:
    ours = check(documents.run("toy"), {APOM, documents.MANUAL})
    assert ours["document, 6 shots"].aim is not None and "MB of memory" in ours["document, 6 shots"].note


def test_a_cleaning_finds_what_a_loop_over_all_rows_finds() -> None:
    ours = check(retention.run("toy"), {APOM, retention.LOOP, retention.COUNT})
    assert ours[retention.DRY].note == ours[retention.ANNOUNCE].note == ours[retention.TRASH].note
    assert ours[retention.DRY].aim is not None
    assert ours[retention.FILES].n == retention.WITH_FILES["toy"]


def test_a_large_clip_comes_in_and_goes_out_beside_a_plain_copy() -> None:
    ours = check(large.run("toy"), {APOM, large.COPY})
    assert "memory" in ours[large.UP].note
    assert ours[large.DOWN].aim is not None


def test_without_redis_the_comparison_is_left_out_with_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert classic.installed(tmp_path).startswith("Celery is left out: there is no redis-server here.")


def test_the_runner_prints_a_table_and_writes_a_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(imports.TIMES, "quick", 1)
    __main__.main(["imports", "--quick", "--json", str(tmp_path / "figures.json")])
    printed = capsys.readouterr().out
    assert figures.processor() in printed
    assert "| import apom" in printed
    written = json.loads((tmp_path / "figures.json").read_text("utf-8"))
    assert written["scale"] == "quick"
    found = [
        Figure(**{name: value for name, value in one.items() if name != "is_met"})
        for one in written["figures"]["imports"]
    ]
    ours = check(found, {APOM, "httpx", "the interpreter alone"})
    assert ours["import apom"].note == "brings nothing heavy"


def test_a_table_says_how_others_compare_and_whether_an_aim_is_met() -> None:
    ours = figure("a thing", cpu_s=[0.001, 0.002, 0.003], wall_s=[0.5, 0.7], aim=Aim(of="cpu_ms", ms=2))
    theirs = figure("a thing", "them", cpu_s=[0.004])
    late = figure("another", wall_s=[2.0], aim=Aim(of="p99_ms", ms=1500))
    lines = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table([ours, theirs, late]).splitlines()]
    assert lines[2] == ["a thing", "apom", "2.0", "", "600", "700", "3", "CPU ≤ 2: met", ""]
    assert lines[3] == ["a thing", "them", "4.0", "2", "", "", "1", "", ""]
    assert lines[4] == ["another", "apom", "", "", "2000", "2000", "1", "p99 ≤ 1500: MISSED", ""]


def test_percentiles_are_values_that_were_there() -> None:
    assert percentile(list(range(1, 101)), 0.99) == 99
    assert percentile([3, 1, 2], 0.5) == 2
    assert percentile([7], 0.99) == 7
