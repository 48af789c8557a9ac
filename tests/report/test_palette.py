from __future__ import annotations

from collections.abc import Mapping

import pytest

from sarto.report.palette import DARK, KINDS, LIGHT, MARKS, SHADE, contrast, luminance, mix

PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])


def test_contrast_of_known_pairs() -> None:
    # The two ends of the scale, and the grey that is known as the lightest with 4.5 on white.
    assert contrast("#ffffff", "#000000") == contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.005)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.005)
    assert luminance("#ff0000") == pytest.approx(0.2126)
    assert luminance("#0a0a0a") == pytest.approx(10 / 255 / 12.92)


@PALETTES
@pytest.mark.parametrize("ground", ["paper", "panel"])
@pytest.mark.parametrize("text", ["ink", "muted", "accent", "good", "bad"])
def test_text_can_be_read(palette: Mapping[str, str], ground: str, text: str) -> None:
    assert contrast(palette[text], palette[ground]) >= 4.5


@PALETTES
@pytest.mark.parametrize("shade", ["accent", "bad"])
@pytest.mark.parametrize("share", [0.1, 0.5, 1.0])
def test_ink_on_a_shaded_cell_can_be_read(palette: Mapping[str, str], shade: str, share: float) -> None:
    assert contrast(palette["ink"], mix(palette[shade], palette["panel"], SHADE * share)) >= 4.5


@PALETTES
def test_parts_of_a_stack_stand_out_from_the_page(palette: Mapping[str, str]) -> None:
    colours = [palette[f"kind-{i}"] for i in range(1, KINDS + 1)]
    assert len(set(colours)) == KINDS
    assert min(contrast(c, palette["paper"]) for c in colours) >= 3


def test_both_palettes_have_the_same_roles_and_each_role_its_own_mark() -> None:
    assert list(LIGHT) == list(DARK) == list(MARKS)
    assert len(set(MARKS.values())) == len(MARKS)
    assert all(len(mark) == 7 and int(mark[1:], 16) for mark in MARKS.values())
    assert not set(MARKS.values()) & {*LIGHT.values(), *DARK.values()}
