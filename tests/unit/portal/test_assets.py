"""The manifest, and what is answered for an asset."""

import json
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from gateway.portal.assets import (
    AssetNotFoundError,
    Assets,
    AssetsNotBuiltError,
    accepted_encodings,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    manifest = {"app.js": "app-1A2B.js"}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    for ending in ("", ".br", ".gz"):
        (tmp_path / f"app-1A2B.js{ending}").write_text(f"content{ending}")
    (tmp_path / "stamp").write_text("secret of the build")
    return tmp_path


class TestManifest:
    def test_names_the_hashed_file(self, folder: Path) -> None:
        assert Assets(folder).url("app.js") == "/static/app-1A2B.js"

    def test_that_is_missing_says_how_to_build(self, tmp_path: Path) -> None:
        with pytest.raises(AssetsNotBuiltError, match=r"python -m gateway\.portal\.build"):
            Assets(tmp_path).url("app.js")


class TestAnswers:
    @pytest.mark.parametrize(
        ("accepted", "encoding", "ending"),
        [
            ("gzip, deflate, br", "br", ".br"),
            ("gzip", "gzip", ".gz"),
            ("br;q=0, gzip;q=0.5", "gzip", ".gz"),
            ("", None, ""),
        ],
    )
    def test_are_compressed_as_the_client_accepts(
        self, folder: Path, accepted: str, encoding: str | None, ending: str
    ) -> None:
        headers = Headers({"accept-encoding": accepted})
        answer = Assets(folder).response("app-1A2B.js", headers)
        assert answer.headers.get("content-encoding") == encoding
        assert Path(answer.path).read_text() == f"content{ending}"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"

    def test_are_kept_for_good(self, folder: Path) -> None:
        answer = Assets(folder).response("app-1A2B.js", Headers())
        assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert answer.headers["vary"] == "accept-encoding"

    @pytest.mark.parametrize(
        "name", ["app-0000.js", "stamp", "manifest.json", "../app-1A2B.js", "app-1A2B.js.br"]
    )
    def test_are_refused_for_anything_else(self, folder: Path, name: str) -> None:
        (folder / "inner").mkdir()
        with pytest.raises(AssetNotFoundError):
            Assets(folder / "inner" if name.startswith("..") else folder).response(name, Headers())


def test_weights_of_zero_refuse_a_coding() -> None:
    assert accepted_encodings("br;q=0.0, gzip; q=0.1,zstd") == {"gzip", "zstd"}
