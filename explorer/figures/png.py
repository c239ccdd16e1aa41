"""Pixels as a PNG file."""

import struct
import zlib

import numpy as np
from numpy.typing import NDArray


def write_png(rgba: NDArray[np.uint8], texts: dict[str, str]) -> bytes:
    """Return the file format: PNG specification (W3C), 8 bits a channel, no filter."""
    height, width, _ = rgba.shape
    rows = np.concatenate([np.zeros((height, 1), np.uint8), rgba.reshape(height, -1)], axis=1)

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    said = b"".join(chunk(b"tEXt", f"{key}\0{text}".encode("latin-1", "replace")) for key, text in texts.items())
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + said + chunk(b"IDAT", zlib.compress(rows.tobytes(), 6)) + chunk(b"IEND", b"")
