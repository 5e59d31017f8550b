"""Which kinds of file are taken, and whether a file is the kind it is said to be.

A file is what its first and last bytes and its structure say; the name and the client's word only
have to agree. What is two kinds at once (a polyglot) is none of them.
"""

import codecs
import re
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Final

from services.contracts.errors import DomainError, ErrorKind

HEAD_BYTES: Final = 4096
TAIL_BYTES: Final = 66_000
"""Longest comment at the end of a ZIP archive, and its record."""
BLOCK_BYTES: Final = 256 * 1024
ARCHIVE_MEMBERS_MAX: Final = 5_000
UNPACKED_BYTES_MAX: Final = 400 * 1024 * 1024
PACKING_RATIO_MAX: Final = 200
PNG_CHUNKS_MAX: Final = 100_000
IGES_SECTION_COLUMN: Final = 72
CONTENT_TYPES_MAX: Final = 1024 * 1024
_EOCD: Final = b"PK\x05\x06"
_EOCD_BYTES: Final = 22
_MARKUP: Final = re.compile(rb"<\s*(script|html|!doctype|\?php|svg|iframe)", re.IGNORECASE)
_WORKBOOK: Final = b"spreadsheetml.sheet.main+xml"


class UnsupportedMediaTypeError(DomainError):
    code: ClassVar[str] = "unsupported-media-type"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "Files of type {media_type!r} are not taken; send one of: {wanted}."
    zh: ClassVar[str] = "不接受 {media_type!r} 类型的文件；可用类型：{wanted}。"


class ContentMismatchError(DomainError):
    code: ClassVar[str] = "content-mismatch"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The file is not plainly {media_type}: {problem}. Export it anew."
    zh: ClassVar[str] = "文件内容不是单纯的 {media_type}（{problem}）；请重新导出。"


@dataclass(frozen=True, slots=True)
class MediaType:
    """``problem`` tells why a file is not of this type; empty when it is."""

    name: str
    extensions: tuple[str, ...]
    problem: Callable[["Content"], str]


@dataclass(frozen=True, slots=True)
class Content:
    """A file to be judged: its beginning, its end, its whole."""

    file: BinaryIO
    size: int
    head: bytes
    tail: bytes


def media_type(declared: str) -> MediaType:
    """The type meant by a Content-Type header; its parameters do not matter.

    Raises:
        UnsupportedMediaTypeError: it is not on the list.
    """
    name = declared.partition(";")[0].strip().lower()
    found = TYPES.get(ALIASES.get(name, name))
    if found is None:
        raise UnsupportedMediaTypeError(media_type=name[:100], wanted=", ".join(sorted(TYPES)))
    return found


def check_content(path: Path, media: MediaType) -> None:
    """Read the file as far as needed to be sure of its type.

    Raises:
        ContentMismatchError: it is another type, or more than one.
    """
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - TAIL_BYTES))
        tail = file.read()
        file.seek(0)
        content = Content(file, size, file.read(HEAD_BYTES), tail)
        file.seek(0)
        problem = media.problem(content)
        if not problem and media.name != XLSX and _ends_as_archive(tail):
            problem = "an archive is attached to it"
    if problem:
        raise ContentMismatchError(media_type=media.name, problem=problem)


def _pdf(content: Content) -> str:
    if not re.match(rb"%PDF-[12]\.\d", content.head):
        return "it does not begin as PDF"
    return "" if content.tail.rstrip(b"\r\n\0 ").endswith(b"%%EOF") else "it does not end as PDF"


def _png(content: Content) -> str:
    if not content.head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "it does not begin as PNG"
    file = content.file
    file.seek(8)
    for _ in range(PNG_CHUNKS_MAX):
        header = file.read(8)
        length = int.from_bytes(header[:4], "big")
        if len(header) < 8 or file.tell() + length + 4 > content.size:  # noqa: PLR2004 - length, name
            return "a chunk is cut off"
        file.seek(length + 4, 1)
        if header[4:] == b"IEND":
            return "" if file.tell() == content.size else "something follows the image"
    return "it has too many chunks"


def _jpeg(content: Content) -> str:
    if not content.head.startswith(b"\xff\xd8\xff"):
        return "it does not begin as JPEG"
    return "" if content.tail.endswith(b"\xff\xd9") else "it does not end as JPEG"


def _step(content: Content) -> str:
    if not content.head.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"ISO-10303-21;"):
        return "it does not begin as STEP (ISO 10303-21)"
    if not content.tail.rstrip().endswith(b"END-ISO-10303-21;"):
        return "it does not end as STEP (ISO 10303-21)"
    return _text(content)


def _iges(content: Content) -> str:
    line = content.head.partition(b"\n")[0].rstrip(b"\r")
    if (
        len(line) <= IGES_SECTION_COLUMN
        or line[IGES_SECTION_COLUMN : IGES_SECTION_COLUMN + 1] != b"S"
    ):
        return "its first record is no IGES start section"
    return _text(content)


def _dxf(content: Content) -> str:
    if content.head.startswith(b"AutoCAD Binary DXF\r\n\x1a\0"):
        return ""
    start = re.match(rb"(\s*999\r?\n[^\n]*\n)*\s*0\r?\nSECTION\r?\n", content.head)
    return _text(content) if start else "it does not begin as DXF"


def _csv(content: Content) -> str:
    """Any text is CSV of some kind, unless it is a kind of its own."""
    if content.head.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
        return "it begins as markup"
    if any(not problem(content) for problem in (_pdf, _step, _iges, _dxf)):
        return "it is a file of another kind"
    return _text(content)


def _text(content: Content) -> str:
    """UTF-8, or GB 18030 as Chinese spreadsheets write it; no controls, no markup that runs."""
    if _MARKUP.search(content.head):
        return "it holds markup that runs in browsers"
    codings = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "gb18030")}
    content.file.seek(0)
    while block := content.file.read(BLOCK_BYTES):
        if b"\0" in block:
            return "it holds NUL bytes, which text does not"
        for name in list(codings):
            try:
                codings[name].decode(block)
            except UnicodeDecodeError:
                del codings[name]
        if not codings:
            return "it is neither UTF-8 nor GB 18030 text"
    return ""


def _xlsx(content: Content) -> str:
    if not content.head.startswith(b"PK\x03\x04"):
        return "it does not begin as a workbook"
    if content.tail[-_EOCD_BYTES : -_EOCD_BYTES + 4] != _EOCD:
        return "something follows the workbook"
    try:
        with zipfile.ZipFile(content.file) as archive:
            return _workbook(archive, content.size)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, OSError):
        return "the archive inside is broken or encrypted"


def _workbook(archive: zipfile.ZipFile, size: int) -> str:
    members = archive.infolist()
    names = [member.filename for member in members]
    unpacked = sum(member.file_size for member in members)
    if len(names) > ARCHIVE_MEMBERS_MAX:
        return f"it has more than {ARCHIVE_MEMBERS_MAX} parts"
    if unpacked > min(UNPACKED_BYTES_MAX, size * PACKING_RATIO_MAX):
        return "it unpacks to far more than it is"
    if len(set(names)) != len(names) or any(_climbs(name) for name in names):
        return "its parts have names that no workbook has"
    if "[Content_Types].xml" not in names or not any(n.startswith("xl/workbook") for n in names):
        return "it is an archive, but no workbook"
    with archive.open("[Content_Types].xml") as part:
        kinds = part.read(CONTENT_TYPES_MAX)
    if b"macroEnabled" in kinds or any("vbaproject" in name.lower() for name in names):
        return "it holds macros"
    return "" if _WORKBOOK in kinds else "it is an archive, but no workbook"


def _climbs(name: str) -> bool:
    return name.startswith(("/", "\\")) or "\\" in name or ".." in name.split("/")


def _ends_as_archive(tail: bytes) -> bool:
    place = tail.rfind(_EOCD)
    while place >= 0:
        comment = tail[place + _EOCD_BYTES - 2 : place + _EOCD_BYTES]
        if len(tail) - place - _EOCD_BYTES == int.from_bytes(comment, "little"):
            return True
        place = tail.rfind(_EOCD, 0, place)
    return False


XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TYPES: Final[Mapping[str, MediaType]] = {
    one.name: one
    for one in (
        MediaType("application/pdf", (".pdf",), _pdf),
        MediaType("image/png", (".png",), _png),
        MediaType("image/jpeg", (".jpg", ".jpeg"), _jpeg),
        MediaType("model/step", (".step", ".stp", ".p21"), _step),
        MediaType("model/iges", (".igs", ".iges"), _iges),
        MediaType("image/vnd.dxf", (".dxf",), _dxf),
        MediaType("text/csv", (".csv",), _csv),
        MediaType(XLSX, (".xlsx",), _xlsx),
    )
}
ALIASES: Final[Mapping[str, str]] = {
    "application/step": "model/step",
    "application/p21": "model/step",
    "application/iges": "model/iges",
    "application/dxf": "image/vnd.dxf",
    "image/jpg": "image/jpeg",
}
