"""Taking an upload in: to disk as it comes, limited in size, time and number, in no transaction."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar, Final
from uuid import UUID

from fastapi.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from services.contracts.errors import DomainError, ErrorKind
from services.runtime.files.domain import Received
from services.runtime.files.media import MediaType, check_content
from services.runtime.files.storage import Storage

UPLOADS_MAX: Final = 8
"""At once, in one process."""
UPLOADS_PER_ORGANISATION_MAX: Final = 3
IDLE_S: Final = 15.0
WHOLE_S: Final = 300.0
BUFFER_BYTES: Final = 256 * 1024


class UploadTooSlowError(DomainError):
    code: ClassVar[str] = "upload-too-slow"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The upload stood still or took longer than {limit:.0f} s; send it again."
    zh: ClassVar[str] = "上传停滞或超过 {limit:.0f} 秒；请重新发送。"


class UploadBrokenOffError(DomainError):
    code: ClassVar[str] = "upload-broken-off"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The upload ended before it was complete; send it again."
    zh: ClassVar[str] = "上传未完成即中断；请重新发送。"


class EmptyUploadError(DomainError):
    code: ClassVar[str] = "upload-empty"
    kind: ClassVar[ErrorKind] = ErrorKind.INVALID
    en: ClassVar[str] = "The upload has no content; send the file as the body of the request."
    zh: ClassVar[str] = "上传内容为空；请将文件作为请求体发送。"


class TooManyUploadsError(DomainError):
    code: ClassVar[str] = "too-many-uploads"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "Too many uploads run at once; try again when one of yours has ended."
    zh: ClassVar[str] = "同时进行的上传过多；请在其他上传结束后重试。"


class Intake:
    """Takes uploads into ``storage``; one per process.

    Args:
        storage: where drafts are written.
        bytes_max: size of an upload at most.
        idle_s: longest wait for the next bytes.
        whole_s: longest time for all of them.
    """

    def __init__(
        self,
        storage: Storage,
        *,
        bytes_max: int,
        idle_s: float = IDLE_S,
        whole_s: float = WHOLE_S,
    ) -> None:
        self.storage = storage
        self.bytes_max = bytes_max
        self._idle_s = idle_s
        self._whole_s = whole_s
        self._running: Counter[UUID] = Counter()

    @asynccontextmanager
    async def receive(
        self, stream: AsyncIterator[bytes], media: MediaType, organisation_id: UUID
    ) -> AsyncIterator[Received]:
        """The upload on disk, checked; gone again when the block ends.

        Raises:
            TooManyUploadsError: others are being taken in.
            UploadTooSlowError, UploadBrokenOffError, EmptyUploadError: it did not come whole.
            ContentMismatchError: it is not what it is said to be.
            HTTPException: 413, it is too large.
        """
        with self._turn(organisation_id):
            draft = await run_in_threadpool(self.storage.draft)
            try:
                size, digest = await self._written(stream, draft)
                await run_in_threadpool(check_content, draft, media)
                yield Received(draft, media, size, digest)
            finally:
                draft.unlink(missing_ok=True)

    @contextmanager
    def _turn(self, organisation_id: UUID) -> Iterator[None]:
        """Not awaited in between, so that two uploads never take the same turn."""
        mine = self._running[organisation_id]
        if mine >= UPLOADS_PER_ORGANISATION_MAX or self._running.total() >= UPLOADS_MAX:
            raise TooManyUploadsError
        self._running[organisation_id] += 1
        try:
            yield
        finally:
            self._running[organisation_id] -= 1
            self._running += Counter()

    async def _written(self, stream: AsyncIterator[bytes], draft: Path) -> tuple[int, bytes]:
        size, digest, buffer = 0, hashlib.sha256(), bytearray()
        with draft.open("wb") as file:
            async for chunk in self._timely(stream):
                size += len(chunk)
                if size > self.bytes_max:
                    raise HTTPException(413, headers={"connection": "close"})
                digest.update(chunk)
                buffer += chunk
                if len(buffer) >= BUFFER_BYTES:
                    await run_in_threadpool(file.write, bytes(buffer))
                    buffer.clear()
            await run_in_threadpool(file.write, bytes(buffer))
        if size == 0:
            raise EmptyUploadError
        return size, digest.digest()

    async def _timely(self, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        ends_at = asyncio.get_running_loop().time() + self._whole_s
        while True:
            left = ends_at - asyncio.get_running_loop().time()
            try:
                async with asyncio.timeout(min(self._idle_s, left)):
                    chunk = await anext(stream, None)
            except TimeoutError as error:
                raise UploadTooSlowError(limit=min(self._idle_s, self._whole_s)) from error
            except ClientDisconnect as error:
                raise UploadBrokenOffError from error
            if chunk is None:
                return
            yield chunk
