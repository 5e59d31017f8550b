"""Serving what :mod:`gateway.portal.build` made: hashed names, compressed, cached for good."""

import json
from pathlib import Path
from typing import ClassVar, Final

from starlette.datastructures import Headers
from starlette.responses import FileResponse

from gateway.portal.build import STATIC
from services.contracts.errors import DomainError, ErrorKind

URL_PREFIX: Final = "/static"
IMMUTABLE: Final = "public, max-age=31536000, immutable"

_MEDIA_TYPES: Final = {
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))


class AssetsNotBuiltError(DomainError):
    code: ClassVar[str] = "assets-not-built"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    en: ClassVar[str] = "The page's assets are not built; run: python -m gateway.portal.build"
    zh: ClassVar[str] = "页面资源尚未构建；请运行：python -m gateway.portal.build"


class AssetNotFoundError(DomainError):
    code: ClassVar[str] = "asset-not-found"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    en: ClassVar[str] = "There is no asset {name!r}; load the page again."
    zh: ClassVar[str] = "没有资源 {name!r}；请重新加载页面。"


class Assets:
    """The manifest of a built folder and the files it names."""

    def __init__(self, folder: Path = STATIC) -> None:
        self._folder = folder
        self._manifest: dict[str, str] | None = None

    def url(self, name: str) -> str:
        """The address of ``name`` as of this build.

        Raises:
            AssetsNotBuiltError: there is no manifest.
            KeyError: no such source; a defect of a template.
        """
        if self._manifest is None:
            self._manifest = _read_manifest(self._folder)
        return f"{URL_PREFIX}/{self._manifest[name]}"

    def response(self, name: str, headers: Headers) -> FileResponse:
        """The file ``name``, brotli or gzip when the client accepts it.

        Raises:
            AssetNotFoundError: no such file of this build.
        """
        suffix = Path(name).suffix
        path = self._folder / name
        if suffix not in _MEDIA_TYPES or path.parent != self._folder or not path.is_file():
            raise AssetNotFoundError(name=name[:100])
        answer = {"cache-control": IMMUTABLE, "vary": "accept-encoding"}
        accepted = accepted_encodings(headers.get("accept-encoding", ""))
        for encoding, ending in _ENCODINGS:
            if encoding in accepted:
                answer["content-encoding"] = encoding
                path = path.with_name(name + ending)
                break
        return FileResponse(path, media_type=_MEDIA_TYPES[suffix], headers=answer)


def _read_manifest(folder: Path) -> dict[str, str]:
    try:
        manifest: dict[str, str] = json.loads((folder / "manifest.json").read_text())
    except FileNotFoundError:
        raise AssetsNotBuiltError from None
    return manifest


def accepted_encodings(header: str) -> frozenset[str]:
    """Content codings a client accepts (RFC 9110 §12.5.3); those of weight zero are refused."""
    accepted = set()
    for item in header.lower().split(","):
        coding, _, parameter = item.strip().partition(";")
        weight = parameter.replace(" ", "").removeprefix("q=")
        if not parameter or weight.strip("0.") != "":
            accepted.add(coding.strip())
    return frozenset(accepted)
