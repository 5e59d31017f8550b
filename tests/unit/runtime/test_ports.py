"""Ports of a state directory."""

import socket
from pathlib import Path

import pytest

from services.runtime.embedded.ports import FIRST_PORT, LAST_PORT, PortBook, PortInUseError


def test_a_port_is_the_same_again(tmp_path: Path) -> None:
    port = PortBook(tmp_path).port("nats")
    assert FIRST_PORT <= port <= LAST_PORT
    assert PortBook(tmp_path).port("nats") == port


def test_servers_of_one_directory_and_directories_differ(tmp_path: Path) -> None:
    one, other = PortBook(tmp_path / "one"), PortBook(tmp_path / "other")
    ports = [book.port(name) for book in (one, other) for name in ("nats", "mqtt", "http")]
    assert len(set(ports)) == len(ports)


def test_a_port_taken_meanwhile_is_replaced_and_the_new_one_kept(tmp_path: Path) -> None:
    book = PortBook(tmp_path)
    first = book.port("nats")
    with socket.create_server(("127.0.0.1", first)):
        second = book.port("nats")
    assert second != first
    assert book.port("nats") == second


def test_a_port_asked_for_and_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortInUseError, match=f"Port {port} for http"):
            PortBook(tmp_path).port("http", wanted=port)


def test_an_unreadable_book_is_written_anew(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "ports.json").write_text("{half")
    assert PortBook(tmp_path).port("nats") == PortBook(tmp_path).port("nats")
