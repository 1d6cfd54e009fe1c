"""What `parse_curl` says is what curl itself sends: both are given the same command lines."""

import re
import shutil
import socketserver
import subprocess
import threading

import pytest

from mtls_tui.simulate.requests.curl import BOUNDARY, parse_curl

pytestmark = pytest.mark.skipif(
    shutil.which("curl") is None or shutil.which("bash") is None, reason="needs curl and bash"
)

COMMANDS = [
    "curl URL/",
    "curl URL/a/../b/./c?x=1#frag",
    "curl --path-as-is URL/a/../b",
    "curl URL",
    "curl 'URL?x=1&y=2'",
    "curl -X DELETE URL/x -H 'x-a: 1' -H x-b:2 -H 'X-Empty;' -H 'Accept:'",
    "curl URL/ -d a=1 -d 'b=2 3' --data-urlencode 'c=x y&z' --data-raw @notafile",
    "curl URL/ --json '{\"a\": 1}'",
    "curl -G URL/p -d a=1 --data-urlencode 'q=ä ö'",
    "curl 'URL/p?x=1' --url-query y=2",
    "curl -I URL/",
    "curl URL/ -b 'a=1; b=2' -b c=3 -A agent -e http://ref/ -r 0-10 --compressed",
    "curl -u 'joe:s:%x' URL/",
    "curl --oauth2-bearer tok URL/",
    "curl URL/ -F 'a=b' -F 'c=d;type=text/x' --form-string 'e=@f;type=g'",
    "curl URL/ -H $'x-note: it\\'s \\x41\\101\\u00e9'",
    'curl "URL/\\"q\\"?a=<b>" -H "x: \\$HOME"',
    "curl URL/ \\\n  -H 'x: 1' \\\n  --http1.1",
    "curl -sSfLXPUT URL/ -da=b",
    "curl URL/ -H 'Content-Type: text/plain' -d x",
    "curl --request-target /odd URL/",
    "curl URL/ --data-binary @FILE",
    "curl URL/ -d @FILE",
    "curl -T FILE URL/up",
    "curl URL/ -H @HEADERS",
]
UNFOLLOWED = {"curl --request-target /odd URL/"}
"""What `parse_curl` says that it does not follow."""
OURS = {"host", "user-agent", "content-length", "expect", "connection"}


class Catcher(socketserver.BaseRequestHandler):
    """Keeps one raw request and answers."""

    def handle(self):
        data = b""
        while b"\r\n\r\n" not in data:
            data += self.request.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        if b"100-continue" in head:
            self.request.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        length = next((int(v) for n, v in fields(head) if n == "content-length"), 0)
        while len(body) < length:
            body += self.request.recv(65536)
        self.server.seen.append((head, body))
        self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")


def fields(head):
    lines = head.split(b"\r\n")[1:]
    pairs = [line.partition(b":") for line in lines]
    return [(name.decode().lower(), value.strip()) for name, _, value in pairs]


def upper(text):
    """Escapes in one case: versions of curl differ, and RFC 3986 6.2.2.1 says that it means the same."""
    return re.sub("%[0-9a-f]{2}", lambda match: match[0].upper(), text)


@pytest.fixture(scope="module")
def server():
    with socketserver.TCPServer(("127.0.0.1", 0), Catcher) as listener:
        listener.seen = []
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield listener
        listener.shutdown()
        thread.join()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_request_is_the_one_that_curl_sends(server, tmp_path, command):
    # Versions differ in what -d makes of NUL: some drop it, some end there.
    (tmp_path / "body").write_bytes(b"line one\nline two\r\n" + (b"" if " -d " in command else b"\x00end"))
    (tmp_path / "headers").write_text("x-from: file\nx-two: 2\n")
    text = command.replace("URL", f"http://127.0.0.1:{server.server_address[1]}")
    text = text.replace("FILE", str(tmp_path / "body")).replace("HEADERS", str(tmp_path / "headers"))
    server.seen.clear()
    run = subprocess.run(
        ["bash", "-c", text.replace("curl ", "curl --no-progress-meter --max-time 10 ", 1)],
        capture_output=True,
        check=False,
        env={"PATH": "/usr/bin:/bin:/usr/local/bin", "LC_ALL": "C.UTF-8"},
    )
    if run.returncode == 2:
        pytest.skip(f"this curl lacks an option: {run.stderr.decode()}")
    ((head, body),) = server.seen
    method, target, _ = head.split(b"\r\n")[0].split(b" ")
    parsed = parse_curl(text)
    if command in UNFOLLOWED:
        assert parsed.notes
        return
    http = parsed.http
    assert (http.method, upper(http.target)) == (method.decode(), upper(target.decode()))
    theirs = {name: value for name, value in fields(head) if name not in OURS}
    ours = {name: value for name, value in http.headers if name not in OURS}
    content_type = theirs.get("content-type", b"")
    if b"boundary=" in content_type:
        boundary = content_type.partition(b"boundary=")[2]
        theirs["content-type"] = content_type.replace(boundary, BOUNDARY)
        body = body.replace(boundary, BOUNDARY)
    # curl offers what it was built with.
    if "accept-encoding" in theirs:
        assert "accept-encoding" in ours
        ours["accept-encoding"] = theirs["accept-encoding"]
    assert ours == theirs
    assert (http.body or b"") == body
