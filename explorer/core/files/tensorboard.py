"""TensorBoard's event files: records of TensorFlow's TFRecord format, each a protobuf message `Event`, read without TensorFlow.

The framing is that of tensorflow/core/lib/io/record_writer.h (length, checksum, data, checksum); the fields' numbers are those of
tensorflow/core/util/event.proto and framework/summary.proto, tensor.proto. Checksums are not checked: a length that leads out of the file
is.
"""

import struct
from collections.abc import Iterator

from explorer.core.files.sheet import Sheet, sheet, spread

STEP, SUMMARY = 2, 5  # of an Event
TAG, SIMPLE, TENSOR = 1, 2, 8  # of a Summary.Value, which a Summary has as field 1
FLOATS = {5: "<f", 6: "<d"}  # of a TensorProto: float_val and double_val; `tensor_content`, field 4, is either, as `dtype`, field 1, says


def is_events(content: bytes) -> bool:
    """Whether the bytes begin as an event file does: a short record with the version of the format."""
    return b"brain.Event:" in content[:64] and not content[:64].isascii()


def events(content: bytes) -> Sheet:
    """The scalars of an event file, a row a record. The line of a row is its record.

    Raises ValueError for a file without scalars.
    """
    places, notes, at = [], [], 0
    while at + 12 <= len(content):
        length = struct.unpack_from("<Q", content, at)[0]
        if at + 16 + length > len(content):
            break
        places.append((at + 12, at + 12 + length))
        at += 16 + length
    if at < len(content):
        notes.append(f"The file ends in the middle of record {len(places) + 1:,}, at byte {at:,}: the {len(places):,} before it are read.")
    kept = spread(len(places))
    if len(kept) < len(places):
        notes.append(f"Of {len(places):,} records {len(kept):,} were read, evenly.")
    records = [(record + 1, found) for record in kept if (found := _scalars(content[slice(*places[record])]))]
    if not records:
        raise ValueError(f"the file must have scalars, and this event file of TensorBoard has none in its {len(places):,} records")
    return sheet(records, notes)


def _scalars(event: bytes) -> dict[str, float]:
    found, step = {}, 0.0
    try:
        for field, number in _fields(event):
            if field == STEP and isinstance(number, int):
                step = float(number)
            elif field == SUMMARY and isinstance(number, bytes):
                for _, each in _fields(number):
                    tag, scalar = _scalar(each) if isinstance(each, bytes) else ("", None)
                    if scalar is not None:
                        found[tag] = scalar
    except (IndexError, struct.error, UnicodeDecodeError):
        return {}  # a damaged record
    return {"step": step, **found} if found else {}


def _scalar(summary: bytes) -> tuple[str, float | None]:
    tag = ""
    scalar: float | None = None
    for field, each in _fields(summary):
        if field == TAG and isinstance(each, bytes):
            tag = each.decode()
        elif field == SIMPLE and isinstance(each, bytes):
            scalar = struct.unpack("<f", each)[0]
        elif field == TENSOR and isinstance(each, bytes):
            scalar = _tensor(dict(_fields(each)))
    return tag, scalar


def _tensor(tensor: dict[int, int | bytes]) -> float | None:
    """The number in a tensor of one float or double; None for another."""
    for field, form in FLOATS.items():
        if isinstance(data := tensor.get(field), bytes) and len(data) == struct.calcsize(form):
            return float(struct.unpack(form, data)[0])
    data, kind = tensor.get(4), {1: "<f", 2: "<d"}.get(int(tensor.get(1) or 0), "")
    return float(struct.unpack(kind, data)[0]) if kind and isinstance(data, bytes) and len(data) == struct.calcsize(kind) else None


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a protobuf message: the number of each, and its integer or its bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                number, at = _varint(message, at)
                yield key >> 3, number
                continue
            case 1:
                size = 8
            case 2:
                size, at = _varint(message, at)
            case 5:
                size = 4
            case _:
                raise IndexError
        if at + size > len(message):
            raise IndexError
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 64:
        byte = message[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at
    raise IndexError
