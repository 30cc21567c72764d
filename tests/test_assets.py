"""Finding and downloading files, against a local HTTP server that breaks off, forgets ranges and lies."""

import hashlib
import http.server
import socket
import threading
import time

import pytest

from helpers import assets
from helpers.measures.published import transfer

CONTENT = bytes(range(256)) * 5000  # 1.28 MB: more than one block


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT. ``faults`` says how often to break off half-way, ``ranges`` whether it knows them."""

    faults, ranges, seen, delay = 0, True, [], 0.0

    def do_GET(self):
        kind = type(self)
        asked = self.headers.get("Range")
        kind.seen.append(asked)
        if self.path != "/file.bin":
            self.send_error(404)
            return
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and kind.ranges else 0
        if start >= len(CONTENT):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if asked and kind.ranges else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        body = CONTENT[start:]
        if kind.faults:
            kind.faults -= 1
            body = body[: len(body) // 2]
        for start in range(0, len(body), 1 << 18):
            time.sleep(kind.delay)
            self.wfile.write(body[start : start + (1 << 18)])

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    Server.faults, Server.ranges, Server.seen = 0, True, []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    monkeypatch.setenv("SHIFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SHIFT_ASSETS", str(tmp_path / "mine"))


def checksum(tmp_path):
    (tmp_path / "whole").write_bytes(CONTENT)
    return assets.sha256(tmp_path / "whole")


def test_download_is_whole_checked_and_cached(server, tmp_path):
    expected = checksum(tmp_path)
    path = transfer.download(f"{server}/file.bin", assets.cache() / "folder/file.bin", sha256=expected)
    assert path == tmp_path / "cache/folder/file.bin" and path.read_bytes() == CONTENT
    assert transfer.download(f"{server}/file.bin", path, sha256=expected) == assets.require("folder/file.bin") == path
    assert Server.seen == [None]  # the second time nothing was asked of the server


def test_another_file_in_its_place_is_an_error(server, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file.bin").write_bytes(b"mine")
    assert assets.require("file.bin").read_bytes() == b"mine"
    with pytest.raises(assets.AssetError, match="SHA-256"):
        transfer.download(f"{server}/file.bin", tmp_path / "mine/file.bin", sha256=checksum(tmp_path))
    assert Server.seen == []


@pytest.mark.parametrize("ranges", [True, False])
def test_a_download_that_breaks_off_goes_on(server, tmp_path, ranges):
    Server.faults, Server.ranges = 1, ranges
    target = tmp_path / "file.bin"
    with pytest.raises(assets.AssetError, match=r"file\.bin.*broke off|IncompleteRead"):
        transfer.download(f"{server}/file.bin", target, sha256=checksum(tmp_path), progress=False)
    assert not target.exists()
    transfer.download(f"{server}/file.bin", target, sha256=checksum(tmp_path), progress=False)
    assert target.read_bytes() == CONTENT
    assert Server.seen == [None, f"bytes={len(CONTENT) // 2}-"]
    assert not target.with_name("file.bin.part").exists()


def test_a_whole_part_is_taken_and_a_wrong_one_is_fetched_again(server, tmp_path):
    part = tmp_path / "file.bin.part"
    part.write_bytes(CONTENT)
    transfer.download(f"{server}/file.bin", tmp_path / "file.bin", sha256=checksum(tmp_path), progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    (tmp_path / "file.bin").unlink()
    part.write_bytes(CONTENT + b"more")
    transfer.download(f"{server}/file.bin", tmp_path / "file.bin", sha256=checksum(tmp_path), progress=False)
    assert (tmp_path / "file.bin").read_bytes() == CONTENT


def test_a_wrong_checksum_keeps_nothing(server, tmp_path):
    with pytest.raises(assets.AssetError, match=r"SHA-256.*expected 0000"):
        transfer.download(f"{server}/file.bin", tmp_path / "file.bin", sha256="0" * 64, progress=False)
    assert list(tmp_path.glob("file.bin*")) == []


def test_errors_say_which_file_from_where_and_where_to_put_it(server, tmp_path):
    for url, reason in ((f"{server}/none.bin", "404|Not Found"), ("http://127.0.0.1:9/x.bin", "refused")):
        with pytest.raises(assets.AssetError, match=reason) as error:
            transfer.download(url, tmp_path / "here/none.bin", progress=False)
        assert url in str(error.value) and str(tmp_path / "here/none.bin") in str(error.value)
    with pytest.raises(assets.AssetError, match="SHIFT_ASSETS") as error:
        assets.require("objects/none.png")
    assert "objects/none.png" in str(error.value)


def test_find_takes_the_first_folder(tmp_path, monkeypatch):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x").write_text(name)
    monkeypatch.setenv("SHIFT_ASSETS", f"{tmp_path / 'b'}:{tmp_path / 'a'}")
    assert assets.find("x").read_text() == "b"
    assert assets.find("y") is None


def test_two_that_want_one_file_share_a_download(server, tmp_path):
    errors = []

    def want():
        try:
            transfer.download(f"{server}/file.bin", tmp_path / "file.bin", progress=False)
        except Exception as error:  # the test is that there is none
            errors.append(error)

    slow, Server.delay = Server.delay, 0.05
    threads = [threading.Thread(target=want) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    Server.delay = slow
    assert errors == [] and Server.seen == [None]
    assert (tmp_path / "file.bin").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.glob("file.bin*")] == ["file.bin"]


def test_folders_may_begin_at_home_and_checksums_be_in_capitals(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    monkeypatch.setenv("SHIFT_CACHE", "~/kept")
    monkeypatch.setenv("SHIFT_ASSETS", "~/mine")
    assert assets.cache() == tmp_path / "kept" and assets.search_path()[0] == tmp_path / "mine"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "a").write_bytes(b"a")
    path = assets.require("a")
    assert transfer.download("http://127.0.0.1:9/a", path, sha256=assets.sha256(path).upper()) == path


def test_what_is_there_needs_no_lock(tmp_path, monkeypatch):
    """In a cache that cannot be written to, say."""
    (tmp_path / "file.bin").write_bytes(CONTENT)
    monkeypatch.setattr(assets, "FileLock", None)
    expected = checksum(tmp_path)
    there = tmp_path / "file.bin"
    assert transfer.download("http://127.0.0.1:9/file.bin", there, sha256=expected) == there


@pytest.fixture
def sends(monkeypatch):
    """A function that starts a server which sends these bytes, whatever is asked, and gives its address.

    With ``each`` it sends them one by one, so many seconds apart.
    """
    monkeypatch.setattr(transfer, "_PATIENCE", 1)
    listening = []

    def start(answer: bytes, each: float = 0.0) -> str:
        server = socket.create_server(("127.0.0.1", 0))
        listening.append(server)

        def serve():
            try:
                while True:
                    connection, _ = server.accept()
                    with connection:
                        connection.recv(1 << 16)
                        for start in range(0, len(answer), 1 if each else len(answer)):
                            connection.sendall(answer[start : start + 1] if each else answer)
                            time.sleep(each)
            except OSError:  # the test is over, or the other side has hung up
                pass

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}/file.bin"

    yield start
    for server in listening:
        server.close()


def _answer(body=b"PK content", status="200 OK", **headers) -> bytes:
    headers = {"Content-Length": len(body), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + body


@pytest.mark.parametrize(
    ("answer", "each", "reason"),
    [
        (_answer(b""), 0, "no bytes came"),
        (_answer(Content_Length=100), 0, "broke off after 10 of 100 bytes"),
        (_answer(b"5\r\nhello\r\n9\r\nthe", Content_Length=None, Transfer_Encoding="chunked"), 0, "IncompleteRead"),
        (_answer(b"{}", Content_Type="text/html; charset=utf-8"), 0, "a web page came"),
        (_answer(b"\n<!DOCTYPE html><title>Log in</title>"), 0, "a web page came"),
        (_answer(Content_Encoding="gzip"), 0, "coding gzip"),
        (_answer(status="206 Partial Content", Content_Range="bytes 5-14/15"), 0, "status 206"),
        (_answer(status="302 Found", Location="file:///etc/hostname"), 0, "not allowed|unknown url type"),
        (_answer(status="302 Found", Location="ftp://127.0.0.1/file.bin"), 0, "not allowed|unknown url type"),
        (_answer(b"x" * 200), 0.3, "nothing came for 1 s"),  # the header byte by byte
    ],
)
def test_what_is_certainly_not_the_file_is_not_kept(sends, tmp_path, answer, each, reason):
    target = tmp_path / "here/file.bin"
    with pytest.raises(assets.AssetError, match=rf"file\.bin from http.*({reason}).*put the file at"):
        transfer.download(sends(answer, each), target, progress=False)
    assert list(target.parent.iterdir()) == []


def test_a_body_that_trickles_is_given_up_and_its_lock_with_it(sends, tmp_path):
    # All but the body at once would need another server: without a line break in its header it comes in time.
    answer = b"HTTP/1.0 200\n\n" + b"x" * 1000
    with pytest.raises(assets.AssetError, match="less than 1000 bytes a second came"):
        transfer.download(sends(answer, 0.02), tmp_path / "here/file.bin", progress=False)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("url", ["file:///etc/hostname", "data:,hello", "ftp://127.0.0.1/a", "hostname", "http://["])
def test_addresses_that_are_no_web_address_are_refused(tmp_path, url):
    with pytest.raises(assets.AssetError, match="cannot download a from"):
        transfer.download(url, tmp_path / "here/a", progress=False)
    assert list((tmp_path / "here").iterdir()) == []


@pytest.mark.parametrize("checked", [True, False])
@pytest.mark.parametrize("part", [b"an older version of the file", CONTENT[:5000], CONTENT, CONTENT + b"more"])
@pytest.mark.parametrize("ranges", [True, False])
def test_what_was_left_of_another_file_never_becomes_part_of_this_one(server, tmp_path, part, checked, ranges):
    Server.ranges = ranges
    (tmp_path / "file.bin.part").write_bytes(part)
    expected = hashlib.sha256(CONTENT).hexdigest() if checked else None
    got = transfer.download(f"{server}/file.bin", tmp_path / "file.bin", sha256=expected, progress=False)
    assert got.read_bytes() == CONTENT and list(tmp_path.glob("file.bin*")) == [got]
