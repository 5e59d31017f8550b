"""Names, kinds and storage of documents, and taking them in."""

import asyncio
import hashlib
import os
import resource
import time
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from services.contracts.confidentiality import SECRET
from services.contracts.ids import OrganisationId
from services.runtime.files.domain import Document
from services.runtime.files.handlers import ContentChangedError, content_of
from services.runtime.files.media import (
    TYPES,
    ContentMismatchError,
    UnsupportedMediaTypeError,
    check_content,
    media_type,
)
from services.runtime.files.names import NAME_BYTES_MAX, attachment, clean_name
from services.runtime.files.receiving import (
    UPLOADS_PER_ORGANISATION_MAX,
    EmptyUploadError,
    Intake,
    TooManyUploadsError,
    UploadBrokenOffError,
    UploadTooSlowError,
)
from services.runtime.files.storage import ContentMissingError, FolderStorage
from tests.support.clock import START, FrozenClock
from tests.support.files import (
    CSV,
    GENUINE,
    JPEG,
    PDF,
    PNG,
    STEP,
    XLSX_TYPE,
    archive,
    png_chunk,
    with_member,
    workbook,
)

PDF_TYPE = "application/pdf"
BEHIND_PDF = archive({"a": b"b"}, comment=b"\n%%EOF")
BEHIND_JPEG = archive({"a": b"b"}, comment=b"\xff\xd9")


class TestNames:
    @pytest.mark.parametrize(
        ("given_name", "kept"),
        [
            ("drawing.pdf", "drawing.pdf"),
            ("图纸 第2版.PDF", "图纸 第2版.PDF"),
            ("../../etc/passwd", "passwd.pdf"),
            ("..\\..\\windows\\system32\\x.pdf", "x.pdf"),
            ("/etc/cron.d/job.pdf", "job.pdf"),
            ("a\0b.pdf", "ab.pdf"),
            ("bill\u202efdp.exe", "billfdp.exe.pdf"),
            ("in\u200bvisible\u2066.pdf", "invisible.pdf"),
            ("line\r\nSet-Cookie: x.pdf", "line  Set-Cookie_ x.pdf"),
            ('quo"te;x.pdf', "quo_te_x.pdf"),
            ("con.pdf", "_con.pdf"),
            ("NUL", "_NUL.pdf"),
            ("...", "document.pdf"),
            ("   ", "document.pdf"),
            (".pdf", "pdf.pdf"),
            ("x.pdf.exe", "x.pdf.exe.pdf"),
            ("trailing. . .", "trailing.pdf"),
            ("half\ud800.pdf", "half.pdf"),
        ],
    )
    def test_keep_what_a_person_reads_and_lose_what_does_harm(
        self, given_name: str, kept: str
    ) -> None:
        assert clean_name(given_name, (".pdf",)) == kept

    @given(st.text(max_size=600))
    def test_of_any_text_are_safe(self, given_name: str) -> None:
        name = clean_name(given_name, (".step", ".stp"))
        assert len(name.encode()) <= NAME_BYTES_MAX
        assert not set(name) & set('/\\\0\r\n"<>|?*:;')
        assert name.lower().endswith((".step", ".stp"))
        assert not name.startswith(".")
        header = attachment(name)
        assert header.isascii()
        assert header.isprintable()
        assert unquote(header.rpartition("''")[2]) == name

    def test_long_ones_are_cut_between_characters(self) -> None:
        name = clean_name("图" * 300 + ".pdf", (".pdf",))
        assert name.endswith(".pdf")
        assert len(name.encode()) <= NAME_BYTES_MAX


def is_taken(content: bytes, declared: str, folder: Path) -> bool:
    path = folder / "upload"
    path.write_bytes(content)
    try:
        check_content(path, media_type(declared))
    except ContentMismatchError:
        return False
    return True


PRETENDING = {
    "PDF behind something": (PDF_TYPE, b"GIF89a" + PDF),
    "PDF with an archive behind": (PDF_TYPE, PDF + archive({"a": b"b"})),
    "PDF inside an archive's comment": (
        PDF_TYPE,
        PDF + archive({"a": b"b"}, comment=b"\n%%EOF"),
    ),
    "PDF with a script behind": (PDF_TYPE, PDF + b"<script>alert(1)</script>"),
    "PNG with an archive behind": ("image/png", PNG + archive({"a": b"b"})),
    "PNG with text behind": ("image/png", PNG + b"x"),
    "PNG cut off": ("image/png", PNG[:-4]),
    "PNG with an endless chunk": ("image/png", PNG[:8] + b"\xff\xff\xff\xffIDAT"),
    "JPEG with an archive behind": (
        "image/jpeg",
        JPEG + archive({"a": b"b"}, comment=b"\xff\xd9"),
    ),
    "STEP without end": ("model/step", STEP[:-20]),
    "STEP with a script": ("model/step", STEP.replace(b"HEADER;", b"<script>x</script>")),
    "CSV that is a page": ("text/csv", b"\n <html><body>a,b"),
    "CSV with NUL": ("text/csv", CSV + b"\0"),
    "CSV that is no text": ("text/csv", b"a,b\n\xff\xff\xff,1\n"),
    "CSV that is an archive": ("text/csv", archive({"a": b"b"})),
    "archive as workbook": (XLSX_TYPE, archive({"a.txt": b"b"})),
    "executable before a workbook": (XLSX_TYPE, b"MZ" + workbook()),
    "workbook with something behind": (XLSX_TYPE, workbook() + b"x"),
    "workbook with macros": (XLSX_TYPE, with_member(workbook(), "xl/vbaProject.bin", b"x")),
    "workbook that climbs": (XLSX_TYPE, with_member(workbook(), "xl/../../x", b"x")),
    "workbook with a comment": (XLSX_TYPE, archive({"a": b"b"}, comment=b"x" * 30)),
    "workbook that explodes": (
        XLSX_TYPE,
        with_member(workbook(), "xl/media/big.bin", bytes(30_000_000)),
    ),
    "workbook cut off": (XLSX_TYPE, workbook()[:-30]),
    "nothing": (PDF_TYPE, b""),
}


class TestKinds:
    @pytest.mark.parametrize("declared", GENUINE)
    def test_are_told_by_content_and_by_nothing_else(self, declared: str, tmp_path: Path) -> None:
        for kind, content in GENUINE.items():
            assert is_taken(content, declared, tmp_path) == (declared == kind)

    def test_all_have_an_example(self) -> None:
        assert GENUINE.keys() == TYPES.keys()

    @pytest.mark.parametrize(
        "declared",
        [
            "application/zip",
            "text/html",
            "image/svg+xml",
            "application/x-msdownload",
            "",
            "x" * 999,
        ],
    )
    def test_off_the_list_are_refused(self, declared: str) -> None:
        with pytest.raises(UnsupportedMediaTypeError):
            media_type(declared)

    @pytest.mark.parametrize("declared", ["Text/CSV; charset=GB18030", "application/STEP"])
    def test_are_known_by_other_spellings(self, declared: str) -> None:
        assert media_type(declared).name in TYPES

    @pytest.mark.parametrize(
        ("declared", "content"),
        PRETENDING.values(),
        ids=PRETENDING,
    )
    def test_that_only_pretend_are_refused(
        self, declared: str, content: bytes, tmp_path: Path
    ) -> None:
        assert not is_taken(content, declared, tmp_path)

    def test_text_of_chinese_spreadsheets_is_text(self, tmp_path: Path) -> None:
        assert is_taken("名称,数量\n支架,4\n".encode("gb18030"), "text/csv", tmp_path)

    def test_a_character_between_two_blocks_is_one(self, tmp_path: Path) -> None:
        assert is_taken(b"a" * (256 * 1024 - 1) + "图".encode(), "text/csv", tmp_path)

    @given(st.sampled_from(sorted(TYPES)), st.binary(max_size=3000), st.integers(0, 20))
    def test_no_content_breaks_the_check(
        self, tmp_path_factory: pytest.TempPathFactory, declared: str, noise: bytes, cut: int
    ) -> None:
        folder = tmp_path_factory.getbasetemp()
        genuine = GENUINE[declared]
        for content in (noise, genuine[: len(genuine) - cut] + noise, genuine[:cut] + noise):
            is_taken(content, declared, folder)

    def test_a_png_of_many_chunks_ends(self, tmp_path: Path) -> None:
        many = PNG[:8] + png_chunk(b"tEXt", b"") * 120_000
        assert not is_taken(many, "image/png", tmp_path)


class TestStorage:
    @pytest.fixture
    def storage(self, tmp_path: Path) -> FolderStorage:
        return FolderStorage(tmp_path / "documents")

    def kept(self, storage: FolderStorage, content: bytes) -> bytes:
        draft = storage.draft()
        draft.write_bytes(content)
        digest = hashlib.sha256(content).digest()
        storage.keep(draft, digest, now=START)
        draft.unlink()
        return digest

    def test_gives_back_what_it_took(self, storage: FolderStorage, tmp_path: Path) -> None:
        digest = self.kept(storage, b"drawing")
        assert self.kept(storage, b"drawing") == digest
        with storage.open(digest) as file:
            assert file.read() == b"drawing"
        files = [path for path in (tmp_path / "documents").glob("??/??/*") if path.is_file()]
        assert [path.name for path in files] == [digest.hex()], "equal files are kept once"
        assert files[0].stat().st_mode & 0o777 == 0o600
        assert all(
            path.stat().st_mode & 0o777 == 0o700
            for path in (tmp_path / "documents").rglob("*")
            if path.is_dir()
        )

    def test_names_what_is_missing(self, storage: FolderStorage) -> None:
        with pytest.raises(ContentMissingError, match="0000"):
            storage.open(bytes(32))

    def test_sweeps_what_no_document_names_after_an_hour(self, storage: FolderStorage) -> None:
        named, unnamed = self.kept(storage, b"named"), self.kept(storage, b"unnamed")
        abandoned = storage.draft()
        os.utime(abandoned, (START.timestamp(), START.timestamp()))

        def known(hashes: Any) -> set[bytes]:
            return {named} & set(hashes)

        assert storage.sweep(known, now=START + timedelta(minutes=59)) == 0
        assert storage.sweep(known, now=START + timedelta(minutes=61)) == 2
        storage.open(named).close()
        with pytest.raises(ContentMissingError):
            storage.open(unnamed)

    def test_keeping_again_saves_from_the_sweep(self, storage: FolderStorage) -> None:
        digest = self.kept(storage, b"again")
        later = START + timedelta(hours=2)

        def known(_: Any) -> set[bytes]:
            draft = storage.draft()
            draft.write_bytes(b"again")
            storage.keep(draft, digest, now=later)
            draft.unlink()
            return set()

        assert storage.sweep(known, now=later) == 0
        storage.open(digest).close()

    def test_content_changed_on_disk_is_not_sent_whole(
        self, storage: FolderStorage, clock: FrozenClock
    ) -> None:
        content = b"x" * 600_000
        digest = self.kept(storage, content)
        document = Document(
            id=clock.new_id(),
            organisation_id=OrganisationId(clock.new_id()),
            name="x.csv",
            media_type="text/csv",
            size=len(content),
            sha256=digest,
            confidentiality=SECRET,
            subject_kind=None,
            subject_id=None,
            uploaded_by=None,
            created_at=START,
        )
        assert b"".join(content_of(document, storage.open(digest))) == content
        path = next(path for path in storage._root.glob("??/??/*"))  # noqa: SLF001 - a damaged disk
        path.write_bytes(content[:-1] + b"y")
        sent: list[bytes] = []
        with pytest.raises(ContentChangedError):
            sent.extend(content_of(document, storage.open(digest)))
        assert len(b"".join(sent)) < len(content)


async def pieces(*parts: bytes, pause_s: float = 0.0) -> AsyncIterator[bytes]:
    for part in parts:
        await asyncio.sleep(pause_s)
        yield part


class TestIntake:
    ORGANISATION = FrozenClock().new_id()

    @pytest.fixture
    def intake(self, tmp_path: Path) -> Callable[..., Intake]:
        def make(**limits: Any) -> Intake:
            return Intake(FolderStorage(tmp_path), **({"bytes_max": 1_000_000} | limits))

        return make

    async def taken(self, intake: Intake, stream: AsyncIterator[bytes]) -> bytes:
        async with intake.receive(stream, TYPES["text/csv"], self.ORGANISATION) as received:
            assert received.draft.stat().st_mode & 0o777 == 0o600
            return received.draft.read_bytes()

    async def test_is_whole_on_disk_and_gone_afterwards(
        self, intake: Callable[..., Intake], tmp_path: Path
    ) -> None:
        assert await self.taken(intake(), pieces(b"a,", b"", b"b\n")) == b"a,b\n"
        assert list((tmp_path / "incoming").iterdir()) == []

    @pytest.mark.parametrize(
        ("stream", "limits", "refusal"),
        [
            (lambda: pieces(b"abc", b"def"), {"bytes_max": 5}, HTTPException),
            (pieces, {}, EmptyUploadError),
            (lambda: pieces(b"a", b"b", pause_s=1), {"idle_s": 0.05}, UploadTooSlowError),
            (lambda: pieces(*[b"a"] * 99, pause_s=0.02), {"whole_s": 0.2}, UploadTooSlowError),
            (lambda: pieces(b"\0"), {}, ContentMismatchError),
        ],
    )
    async def test_leaves_nothing_of_what_it_refuses(
        self,
        intake: Callable[..., Intake],
        tmp_path: Path,
        stream: Callable[[], AsyncIterator[bytes]],
        limits: dict[str, Any],
        refusal: type[Exception],
    ) -> None:
        made = intake(**limits)
        started = time.monotonic()
        with pytest.raises(refusal):
            await self.taken(made, stream())
        assert time.monotonic() - started < 1
        assert list((tmp_path / "incoming").iterdir()) == []
        assert await self.taken(made, pieces(b"a,b")) == b"a,b", "its turn is free again"

    async def test_a_client_that_leaves_is_no_fault_of_ours(
        self, intake: Callable[..., Intake], tmp_path: Path
    ) -> None:
        async def leaving() -> AsyncIterator[bytes]:
            yield b"a"
            raise ClientDisconnect

        with pytest.raises(UploadBrokenOffError):
            await self.taken(intake(), leaving())
        assert list((tmp_path / "incoming").iterdir()) == []

    async def test_one_organisation_does_not_take_every_turn(
        self, intake: Callable[..., Intake]
    ) -> None:
        made, release = intake(), asyncio.Event()

        async def waiting() -> AsyncIterator[bytes]:
            yield b"a"
            await release.wait()

        running = [
            asyncio.create_task(self.taken(made, waiting()))
            for _ in range(UPLOADS_PER_ORGANISATION_MAX)
        ]
        await asyncio.sleep(0.05)
        with pytest.raises(TooManyUploadsError):
            await self.taken(made, pieces(b"a"))
        other = FrozenClock(START + timedelta(days=1)).new_id()
        async with made.receive(pieces(b"b"), TYPES["text/csv"], other) as received:
            assert received.size == 1
        release.set()
        assert await asyncio.gather(*running) == [b"a"] * UPLOADS_PER_ORGANISATION_MAX

    async def test_memory_does_not_grow_with_the_upload(
        self, intake: Callable[..., Intake]
    ) -> None:
        made = intake(bytes_max=400 * 1024 * 1024)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        line = b"1234567,\n" * 7_000

        async def long() -> AsyncIterator[bytes]:
            for _ in range(2_500):
                yield line

        async with made.receive(long(), TYPES["text/csv"], self.ORGANISATION) as received:
            assert received.size > 150 * 1024 * 1024
        grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert grown_kib < 48 * 1024
