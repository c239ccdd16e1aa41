"""Colors that everybody can see: against the ground of both themes, and apart from each other for color-blind readers."""

from __future__ import annotations

import itertools
import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from plotly.colors import hex_to_rgb

from explorer.figures.landscape import GLOWS, OPAQUE
from explorer.figures.race import LOOKS
from explorer.figures.theme import COLORS

CONFIG = tomllib.loads((Path(__file__).parents[2] / ".streamlit" / "config.toml").read_text(encoding="utf-8"))

SIGHT = {
    "normal": np.eye(3),
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
"""What linear RGB becomes for an eye that lacks one kind of cone (Machado, Oliveira & Fernandes 2009, severity 1)."""

XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""From linear sRGB (IEC 61966-2-1); the middle row is the luminance."""


def linear(color: str) -> NDArray[np.float64]:
    share = np.array(hex_to_rgb(color)) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def contrast(*colors: str) -> float:
    """WCAG 2.2's, from 1 to 21."""
    low, high = sorted(XYZ[1] @ linear(color) for color in colors)
    return (high + 0.05) / (low + 0.05)


def lab(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIE 1976 L*a*b*, in which equal distances look alike."""
    share = XYZ @ light.clip(0, 1) / XYZ.sum(axis=1)
    x, y, z = np.where(share > 0.008856, np.cbrt(share), 7.787 * share + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("shading", [0, OPAQUE])
@pytest.mark.parametrize("color", sorted({*COLORS.values(), *(color for color, *_ in LOOKS)}))
def test_every_mark_has_a_contrast_of_3_on_its_ground(color: str, shading: float, theme: str) -> None:
    """WCAG 2.2, 1.4.11; on the page's ground and where a landscape is lowest. What is drawn with a color of the theme has its contrast
    measured by axe-core, as letters have it. `tests/browser/test_plotted.py` measures the pixels."""
    ground = (1 - shading) * np.array(hex_to_rgb(CONFIG["theme"][theme]["backgroundColor"])) + shading * np.array(GLOWS[:3])
    assert contrast(color, "#" + bytes(ground.round().astype(np.uint8)).hex()) >= 3


@pytest.mark.parametrize("sight", SIGHT)
def test_verdicts_stay_apart_for_every_eye(sight: str) -> None:
    """By four differences that can just be noticed, 2.3 each (Mahy 1994); Okabe and Ito's own come as close as 2.8 with two more."""
    seen = {verdict: lab(np.array(SIGHT[sight]) @ linear(color)) for verdict, color in COLORS.items()}
    apart = {pair: np.linalg.norm(seen[pair[0]] - seen[pair[1]]) for pair in itertools.combinations(seen, 2)}
    assert min(apart.values()) >= 4 * 2.3, min(apart, key=lambda pair: apart[pair])
