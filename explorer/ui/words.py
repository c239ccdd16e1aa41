"""Findings as readable Markdown."""

import re

from explorer.core.ground.prose import sentence as sentence


def fit_to_read(text: str) -> str:
    r"""Return Markdown with nan and inf set as code, and nothing else taken for a formula.

    >>> fit_to_read("the loss is nan, for $5")
    'the loss is `nan`, for \\$5'
    """
    return re.sub(r"(?<![\w`])(nan|−?inf)(?![\w`])", r"`\1`", re.sub(r"(?<!\\)\$", r"\\$", text)).replace("|1 − ηλ|", r"\|1 − ηλ\|")


def literally(text: str) -> str:
    r"""Markdown of text that a visitor brought, in which nothing is a link, a picture, an icon or a formula.

    An address would become a link although no mark says so, a name between colons an icon and two signs an arrow although a backslash
    stands before them, unless something stands in them: a character that nobody sees.

    >>> literally("![x](y)* www.a.b :smile: ->").replace("\N{WORD JOINER}", "-")
    '\\!\\[x\\](y)\\* www-.a.b :-smile: --\\>'
    """
    text = re.sub(r"(?<=:)(?=//|\w)|(?<=www)(?=\.)|(?<=@)|(?<=[-<>~])(?=[-=>])", "\N{WORD JOINER}", text, flags=re.IGNORECASE)
    return re.sub(r"([\\`*{}\[\]<>#!~|$]|(?<!\w)_|_(?!\w))", r"\\\1", text)
