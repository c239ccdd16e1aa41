"""Findings as Markdown that is fit to read."""

from __future__ import annotations

import re


def sentence(text: str) -> str:
    """With a capital and a full stop.

    >>> sentence("nothing grew")
    'Nothing grew.'
    """
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def fit_to_read(text: str) -> str:
    r"""Markdown in which nan and inf are set as the words of a program that they are, and nothing else is taken for a formula.

    >>> fit_to_read("the loss is nan, for $5")
    'the loss is `nan`, for \\$5'
    """
    return re.sub(r"(?<![\w`])(nan|−?inf)(?![\w`])", r"`\1`", text).replace("$", r"\$").replace("|1 − ηλ|", r"\|1 − ηλ\|")
