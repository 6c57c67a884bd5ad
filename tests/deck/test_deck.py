"""The deck as committed: its form, its figures, its age; and that it is typeset the same again."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pdfplumber
import pytest
import typst

from deck.layout import FIGURES, PDF, fingerprint, typeset
from lakehouse.catalog import load

pytestmark = pytest.mark.slow

SMALLEST, MARGIN = 10.99, 33.0  # points; sizes are read with a rounding error
# Numbers that the slides say by themselves: definitions, names, axes and the numbers of slides.
CONSTANTS = {
    "bounds and definitions": {"30", "60", "1", "3", "6", "20", "20%", "95%", "0", "2", "4", "5"},
    "axis of the AUC": {"0.5", "0.6", "0.7", "0.8", "0.9"},
    "tenths and slides": {*map(str, range(1, 11)), *(f"{n}%" for n in range(10, 60, 10))},
    "an example of dirt": {"40"},
}
NUMBER = re.compile(r"(?<![\w.,-])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?%?(?![\w-])")


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return json.loads(FIGURES.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pages() -> Iterator[list[Any]]:
    with pdfplumber.open(PDF) as pdf:
        yield pdf.pages


@pytest.fixture(scope="module")
def texts(pages: list[Any]) -> list[str]:
    return [" ".join(page.extract_text(x_tolerance_ratio=0.15).split()) for page in pages]


def lines_of(page: Any) -> list[dict[str, Any]]:
    """Pieces of a line of text, set apart where a gap is wider than a space could be."""
    return page.extract_words(keep_blank_chars=True, x_tolerance=5, y_tolerance=1)


def leaves(value: Any) -> Iterator[Any]:
    inner = value.values() if isinstance(value, dict) else value
    if isinstance(value, (dict, list)):
        for each in inner:
            yield from leaves(each)
    else:
        yield value


def spellings(value: Any) -> set[str]:
    """Every way in which the slides may write a figure; numbers within a text stand as they are."""
    if isinstance(value, bool) or value is None:
        return set()
    if isinstance(value, str):
        return {*NUMBER.findall(value), *re.findall(r"\d+", value)}
    spelt = {f"{round_half_up(value, places):,.{places}f}" for places in range(4)}
    return (
        spelt
        | {f"{round_half_up(value * 100, places):,.{places}f}" + "%" for places in (0, 1)}
        | {f"{round_half_up(value * 100, 1):.1f}"}
    )


def derived(figures: dict[str, Any]) -> list[Any]:
    """What the slides work out of two figures."""
    labels, coverage = figures["labels"], figures["coverage"]
    by_30, by_60 = (labels["definitions"][f"{days}dpd_6mob"]["defaults"] for days in (30, 60))
    changed, month = figures["correction"]["changed"], figures["history"]["month"]
    return [
        labels["smallest_dpd_of_a_default"] - 1,
        by_30 - by_60,
        coverage["loans_since"] / figures["receipt"]["rows"],
        month["rows"] / figures["releases"][month["release"] - 1]["rows"],
        sum(changed.get(name, 0) == 0 for name in month["changed"]),
        len(figures["dirt"]["issues"]) - 10,
        len(figures["catalogue"]),
    ]


def known_numbers(figures: dict[str, Any]) -> set[str]:
    return set().union(*CONSTANTS.values(), *map(spellings, [*leaves(figures), *derived(figures)]))


def round_half_up(value: float, places: int) -> float:
    return int(abs(value) * 10**places + 0.5) / 10**places


def test_it_is_ten_slides_at_most_of_16_to_9_and_as_wide_as_a4(pages: list[Any]) -> None:
    assert len(pages) <= 10
    for page in pages:
        assert page.width / page.height == pytest.approx(16 / 9, abs=1e-3)
        assert page.width == pytest.approx(297 / 25.4 * 72, abs=0.1)


def test_nothing_reaches_into_the_margins(pages: list[Any]) -> None:
    for page in pages:
        for char in page.chars:
            inside = char["x0"] >= MARGIN and char["x1"] <= page.width - MARGIN
            assert inside and char["top"] >= 15 and char["bottom"] <= page.height - 8, (page, char)


def overlapping(lines: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of texts that lie on each other; boxes are taller than letters, so a third may touch."""
    found = []
    for one, other in combinations(lines, 2):
        across = min(one["x1"], other["x1"]) - max(one["x0"], other["x0"])
        down = min(one["bottom"], other["bottom"]) - max(one["top"], other["top"])
        height = min(each["bottom"] - each["top"] for each in (one, other))
        if across > 0.5 and down > 0.35 * height:
            found.append((one["text"], other["text"]))
    return found


def test_no_text_lies_on_other_text(pages: list[Any]) -> None:
    assert {page.page_number: overlapping(lines_of(page)) for page in pages} == {
        page.page_number: [] for page in pages
    }


def test_text_on_other_text_would_be_found(pages: list[Any]) -> None:
    first, *_ = lines_of(pages[0])
    pushed = {**first, "top": first["top"] + 5, "bottom": first["bottom"] + 5}
    below = {**first, "top": first["bottom"], "bottom": first["bottom"] + 20}
    assert overlapping([first, pushed]) and not overlapping([first, below])


def test_no_letter_is_smaller_than_eleven_points(pages: list[Any]) -> None:
    small = {
        (page.page_number, c["text"]) for page in pages for c in page.chars if c["size"] < SMALLEST
    }
    assert small == set()


def test_all_fonts_are_embedded_and_are_the_ones_of_the_package(pages: list[Any]) -> None:
    for page in pages:
        fonts = page.page_obj.resources["Font"]
        for reference in fonts.values():
            descendant = reference.resolve()["DescendantFonts"]
            (font,) = descendant.resolve() if hasattr(descendant, "resolve") else descendant
            font = font.resolve() if hasattr(font, "resolve") else font
            assert "SourceSansPro" in str(font["BaseFont"])
            descriptor = font["FontDescriptor"].resolve()
            assert {"FontFile2", "FontFile3"} & set(descriptor)


def test_no_placeholder_is_left(texts: list[str]) -> None:
    words = r"lorem|TODO|TBD|FIXME|XX+|\?\?+|\bnone\b *%|NaN|#\w+\.|\bundefined\b"
    assert [hit for text in texts for hit in re.findall(words, text)] == []


def test_each_title_is_a_sentence_with_a_figure(pages: list[Any]) -> None:
    for page in pages:
        title = "".join(c["text"] for c in page.chars if c["size"] == pytest.approx(24, abs=0.1))
        assert re.search(r"\d", title) and len(title.split()) >= 8, title


def test_each_slide_names_its_source_release_and_date(
    texts: list[str], figures: dict[str, Any]
) -> None:
    run = figures["run"]
    for number, text in enumerate(texts, start=1):
        assert "Source: " in text
        assert text.endswith(f"Release {run['release']} · {run['date']} {number}")
        assert not run["sample"] or "sample" in text


def test_every_number_on_the_slides_is_a_figure_of_the_run(
    texts: list[str], figures: dict[str, Any]
) -> None:
    known = known_numbers(figures)
    unknown = [
        (i, n) for i, text in enumerate(texts, 1) for n in NUMBER.findall(text) if n not in known
    ]
    assert unknown == []


def test_a_number_that_no_run_gave_would_be_found(figures: dict[str, Any]) -> None:
    assert {"987,654", "61.7%", "0.937", "29.5%"}.isdisjoint(known_numbers(figures))


def test_the_figures_that_matter_stand_where_they_should(
    texts: list[str], figures: dict[str, Any]
) -> None:
    f, model = figures, figures["model"]
    policy, rate = model["declined"][3], "{:.1%}".format
    clicks = f["correction"]["changed"]["gold.features_clickstream"]
    expected = {
        1: [
            f"from {rate(model['declined'][0]['rate'])} to {rate(policy['rate'])}",
            f"{f['quality']['delivered']['rows_in']:,}",
            f"{f['audit']['findings']} leaks",
            f"{f['timings']['full size']['one more month']['wall_s']:.1f} s",
        ],
        2: [
            f"{f['dirt']['customers_share']:.0%} of borrowers",
            f"{f['coverage']['loans_since']:,} since, none",
            f"{f['run']['full_files']['rows']['clickstream']:,} click",
        ],
        3: [f"{len(f['catalogue'])} tables", f"{f['status'][0]['rows']:,}"],
        4: [f"{f['history']['month']['rows']:,} of", f"{clicks:,} that rest on them"],
        5: [f"{f['features']} features", rate(f["labels"]["definitions"]["30dpd_6mob"]["rate"])],
        6: [f"{f['features']} features", f"{f['audit']['count']} checks"],
        7: [f["receipt"]["hash"][:6], f["correction"]["new_hash"][:6], f["receipt"]["id"]],
        8: [f"{f['quality']['damaged']['rows_in']:,}", f"{f['dirt']['cells']:,} cells"],
        9: [f"{model['models'][0]['value']:.3f}", f"{policy['stopped_share']:.0%} of defaults"],
        10: [
            f"{f['kill']['tables_written']} tables written, {f['kill']['releases_then']} releases"
        ],
    }
    for number, wanted in expected.items():
        for words in wanted:
            assert squeezed(words) in squeezed(texts[number - 1]), (number, words)


def test_each_check_of_the_audit_is_shown_by_its_name(
    pages: list[Any], figures: dict[str, Any]
) -> None:
    page = pages[5]
    third = (page.width - 2 * 34 + 14) / 3
    columns = [
        # Without the count of leaks at the right of each.
        page.crop((34 + n * third, 0, 34 + n * third + third - 54, page.height))
        for n in range(3)
    ]
    shown = [squeezed(column.extract_text(x_tolerance_ratio=0.15)) for column in columns]
    for check in figures["audit"]["checks"]:
        words = squeezed(check["name"])
        assert any(words in text for text in shown), check


def squeezed(text: str) -> str:
    """Without what a line break or a neighbouring column may put between two words."""
    return re.sub(r"\s+", "", text)


def test_the_slide_of_tables_shows_every_declared_table_and_no_other(
    pages: list[Any], figures: dict[str, Any]
) -> None:
    declared = {table.full_name: list(table.keys) for table in load().tables}
    assert {each["table"]: each["keys"] for each in figures["catalogue"]} == declared
    bold = [
        w["text"]
        for w in pages[2].extract_words(extra_attrs=["fontname"])
        if "Semibold" in w["fontname"]
    ]
    for name in declared:
        assert name.split(".")[1] in bold


def test_figures_hold_no_person_and_no_path(figures: dict[str, Any]) -> None:
    found = [
        each
        for each in leaves(figures)
        if isinstance(each, str) and re.search(r"CUS_|/\w+/|\\\\", each)
    ]
    assert found == []


def test_the_pdf_is_that_of_its_sources(pages: list[Any]) -> None:
    with pdfplumber.open(PDF) as pdf:
        keywords = pdf.metadata["Keywords"]
    assert f"sources {fingerprint()}" in keywords, "run `python deck/build.py --layout-only`"


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    typeset(tmp_path / "again.pdf")
    assert (tmp_path / "again.pdf").read_bytes() == PDF.read_bytes()


def test_a_title_that_the_figures_do_not_bear_out_is_no_deck(
    figures: dict[str, Any], tmp_path: Path
) -> None:
    leaking = json.loads(json.dumps(figures))
    leaking["audit"]["findings"] = 1
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(leaking), encoding="utf-8")
    with pytest.raises(typst.TypstError, match="bear out the title"):
        typeset(tmp_path / "no.pdf", file)


def test_a_block_that_overflows_is_no_deck(figures: dict[str, Any], tmp_path: Path) -> None:
    long = json.loads(json.dumps(figures))
    long["model"]["importance"][0]["name"] = "a great deal of words " * 40
    file = tmp_path / "figures.json"
    file.write_text(json.dumps(long), encoding="utf-8")
    with pytest.raises(typst.TypstError, match=r"page 9, block .* high, has"):
        typeset(tmp_path / "no.pdf", file)
