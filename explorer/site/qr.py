"""A link as a QR code, for the phones of an audience."""

import io

from explorer.core.ground.extras import needs

LONGEST = 2000  # letters of a link: more make a code that no phone reads from a screen


def qr(link: str) -> str:
    """Return the QR code of a link as SVG, black on white with the margin that readers need.

    Raises ValueError for what is no link, or is too long for a phone to read.

    >>> qr("https://example.org/?v=1")[:4]
    '<svg'
    >>> qr("example")
    Traceback (most recent call last):
    ValueError: a link must begin with https:// or http://, got 'example'
    """
    if not link.startswith(("https://", "http://")):
        raise ValueError(f"a link must begin with https:// or http://, got {link[:40]!r}")
    if len(link) > LONGEST:
        raise ValueError(f"a link must have at most {LONGEST:,} letters to be read from a QR code, got {len(link):,}")
    with needs("app", "a QR code"):
        import segno
    drawn = io.BytesIO()
    segno.make(link, micro=False).save(drawn, kind="svg", light="#fff", omitsize=True, xmldecl=False, nl=False)
    return drawn.getvalue().decode()
