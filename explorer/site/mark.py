"""The mark: a path whose swings grow, and leave at the top."""

import base64

SWINGS = (("M3 17l4-3 4 6 5-11 5 17", "#0072B2", "#56B4E9"), ("M21 26l7-23", "#D55E00", "#EE8033"))
"""Its two parts, with their colors on a light and on a dark ground."""


def mark(word: str = "", *, dark: bool = False, ink: str = "") -> str:
    """Return the mark as the address of an SVG, with a word beside it in that color.

    >>> mark().partition(",")[0]
    'data:image/svg+xml;base64'
    """
    lines = "".join(f'<path d="{path}" stroke="{on_dark if dark else on_light}"/>' for path, on_light, on_dark in SWINGS)
    drawn = f'<g fill="none" stroke-width="3.2" stroke-linejoin="round" stroke-linecap="round">{lines}</g>'
    text = f'<text x="42" y="23" font-family="Segoe UI, sans-serif" font-size="19" font-weight="600" fill="{ink}">{word}</text>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {232 if word else 34} 32">{drawn}{text if word else ""}</svg>'
    return f"data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()}"


ICON = f'<link rel="icon" href="{mark()}">'
"""In the head of a page that is not Streamlit's: without it a browser asks the server for a file that is not there."""
