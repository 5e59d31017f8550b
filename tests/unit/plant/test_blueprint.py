"""The standard address space, kept and shared."""

import pickle
from pathlib import Path

import pytest
from asyncua import ua

from gateway.plant import blueprint as module
from gateway.plant.blueprint import Blueprint, BlueprintNodes, load_blueprint
from gateway.plant.values import node_id, standard_id

SERVER = standard_id("Server")
OBJECTS = standard_id("ObjectsFolder")


@pytest.fixture(scope="module")
def state_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def blueprint(state_dir: Path) -> Blueprint:
    return load_blueprint(state_dir)


def kept(state_dir: Path) -> Path:
    (path,) = (state_dir / "plant").iterdir()
    return path


class TestKeeping:
    def test_the_second_load_reads_what_the_first_kept(
        self, blueprint: Blueprint, state_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "build_blueprint", lambda: pytest.fail("built again"))
        assert load_blueprint(state_dir) == blueprint

    def test_keeps_it_from_other_users(self, blueprint: Blueprint, state_dir: Path) -> None:
        assert len(blueprint) > 6_000
        assert kept(state_dir).stat().st_mode & 0o777 == 0o600
        assert kept(state_dir).parent.stat().st_mode & 0o777 == 0o700

    @pytest.mark.parametrize("broken", ["file", "folder", "link", "bytes"])
    def test_does_not_unpickle_what_others_may_have_written(
        self,
        blueprint: Blueprint,
        tmp_path: Path,
        state_dir: Path,
        monkeypatch: pytest.MonkeyPatch,
        broken: str,
    ) -> None:
        folder = tmp_path / "plant"
        folder.mkdir(mode=0o700)
        path = folder / kept(state_dir).name
        path.write_bytes(pickle.dumps({1: b"somebody else's"}))
        path.chmod(0o600)
        if broken == "file":
            path.chmod(0o666)
        elif broken == "folder":
            folder.chmod(0o777)
        elif broken == "link":
            path.rename(tmp_path / "elsewhere")
            path.symlink_to(tmp_path / "elsewhere")
        else:
            path.write_bytes(b"\x80\x05truncated")
        monkeypatch.setattr(module, "build_blueprint", lambda: blueprint)
        assert load_blueprint(tmp_path) is blueprint

    def test_does_without_a_folder_it_cannot_make(
        self, blueprint: Blueprint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (tmp_path / "state").write_text("a file")
        monkeypatch.setattr(module, "build_blueprint", lambda: blueprint)
        assert load_blueprint(tmp_path / "state") is blueprint


class TestNodes:
    def test_two_servers_share_no_node(self, blueprint: Blueprint) -> None:
        one, other = BlueprintNodes(blueprint), BlueprintNodes(blueprint)
        one[SERVER].references.clear()
        one[SERVER].attributes.clear()
        assert other[SERVER].references
        assert other[SERVER].attributes
        assert one[SERVER] is one[SERVER]

    def test_a_node_added_to_one_is_unknown_to_the_other(self, blueprint: Blueprint) -> None:
        one, other = BlueprintNodes(blueprint), BlueprintNodes(blueprint)
        new = node_id("new", 2)
        one[new] = one[SERVER]
        assert new in one
        assert new not in other
        assert len(one) == len(other) + 1
        assert set(one) - set(other) == {new}

    def test_a_deleted_node_is_gone_here_and_there_for_the_other(
        self, blueprint: Blueprint
    ) -> None:
        one, other = BlueprintNodes(blueprint), BlueprintNodes(blueprint)
        del one[OBJECTS]
        assert OBJECTS not in one
        assert one.get(OBJECTS) is None
        assert len(one) == len(other) - 1
        assert OBJECTS in other
        with pytest.raises(KeyError):
            del one[OBJECTS]
        one[OBJECTS] = other[OBJECTS]
        assert OBJECTS in one

    def test_knows_standard_nodes_only_by_their_own_namespace(self, blueprint: Blueprint) -> None:
        nodes = BlueprintNodes(blueprint)
        assert node_id(85) in nodes
        assert node_id(85, 1) not in nodes
        assert node_id("85") not in nodes
        assert "i=85" not in nodes
        assert isinstance(nodes[node_id(85)].nodeid, ua.NodeId)
