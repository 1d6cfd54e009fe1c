"""A curl command line gives the request that curl would send."""

import base64
import random
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtls_tui.simulate.errors import RequestError
from mtls_tui.simulate.requests.curl import BOUNDARY, USER_AGENT, ClientCertificate, parse_curl
from mtls_tui.simulate.requests.shell import split


def http(text, **files):
    return parse_curl(text, read=lambda name: files[name.replace(".", "_")]).http


def headers(text, **files):
    return dict(http(text, **files).headers)


def test_plain_url_is_a_get_with_the_headers_that_curl_sends():
    request = http("curl https://api.example.com/v1?x=1#top")
    assert (request.method, request.scheme, request.host, request.target) == (
        "GET",
        "https",
        "api.example.com",
        "/v1?x=1",
    )
    assert request.headers == (("user-agent", USER_AGENT), ("accept", b"*/*"))
    assert request.http_version == "HTTP/2"


def test_chrome_copy_as_curl_is_read_whole():
    text = r"""curl 'https://api.example.com/v1/pay?id=7' \
  -X 'PUT' \
  -H 'accept: application/json' \
  -H $'x-note: it\'s \u00e9\x21' \
  -b 'session=abc; theme=dark' \
  --data-raw $'{"a":"b\\n"}' \
  --compressed"""
    request = http(text)
    sent = dict(request.headers)
    assert request.method == "PUT"
    assert request.body == b'{"a":"b\\n"}'
    assert sent["x-note"] == "it's é!".encode()
    assert sent["cookie"] == b"session=abc; theme=dark"
    assert sent["accept"] == b"application/json"
    assert sent["accept-encoding"] == b"deflate, gzip, br, zstd"
    assert sent["content-length"] == str(len(request.body)).encode()
    assert parse_curl(text).notes == ()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a b\tc", ["a", "b", "c"]),
        (r"a\ b", ["a b"]),
        ("'a b'\"c d\"e", ["a bc de"]),
        ("''", [""]),
        (r'"\$\`\"\\\n"', ['$`"\\\\n']),
        ("a \\\n b", ["a", "b"]),
        ("a\\\nb", ["ab"]),
        (r"$'\n\t\\\'\101\x41B'", ["\n\t\\'AAB"]),
        ('$"a b"', ["a b"]),
        ("a # note", ["a"]),
        ("a#b", ["a#b"]),
        ("a\r\n", ["a"]),
        ("\n\n a", ["a"]),
    ],
)
def test_quoting_is_the_shells(text, words):
    assert list(split(text).words) == words


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("curl http://a/?a=1&b=2", "not read: `&b=2` (a URL with `&` needs quotes)"),
        ("curl http://a/ | jq .", "the command ends at `|`"),
        ("curl http://a/\nls", "the command ends at the next line"),
        ("curl http://a/ -H \"x: $TOKEN\"", "`$TOKEN\"` would be expanded by a shell"),
        ("curl http://a/$(id)", "would be expanded"),
        ("curl https://a/ -k", "-k is about the server's certificate"),
        ("curl https://a/ --resolve a:443:1.2.3.4", "`--resolve` was passed over"),
        ("curl https://a/ --wondrous", "`--wondrous` is unknown"),
        ("curl --wondrous x https://a/", "2 URLs; one was taken"),
        ("curl https://a/ -W", "`-W` is not an option of curl"),
        ("curl https://a/ https://b/", "2 URLs; one was taken"),
        ("curl https://a/{x,y}/[1-3]", "several requests"),
        ("curl a/", "https was taken"),
        ("curl https://a/ --next https://b/", "after `--next`"),
        ("curl https://a/ -H nocolon", "has no colon"),
        ("curl https://a/ --key k.pem", "without `--cert`"),
        ("curl https://a/ -b jar.txt", "cookie file"),
    ],
)  # fmt: skip
def test_what_is_not_followed_is_said(text, note):
    assert any(note in line for line in parse_curl(text).notes), parse_curl(text).notes


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "empty"),
        ("wget https://a/", "begin with `curl`"),
        ("curl", "no URL"),
        ("curl 'https://a/", "never ends"),
        ("curl $'https://a/", "never ends"),
        ('curl "https://a/', "never ends"),
        ("curl https://a/ -H", "needs an argument"),
        ("curl https://a/ -F x", "has no `=`"),
        ("curl ftp://a/", "http or https"),
        ("curl https://a/ -X 'G T'", "not an HTTP method"),
        ("curl https://a/ -d @/nowhere/at/all", "reads this file"),
        ('curl ^"https://a/^" ^\n -k', "cmd.exe"),
        ("curl.exe 'https://a/' `\n  -H 'x: y'", "PowerShell"),
        ("curl.exe 'https://a/' `\r\n  -H 'x: y'", "PowerShell"),
        ("Invoke-WebRequest -Uri https://a/", "copy as cURL"),
        ("curl https://a/ -F $'f=@\\0x'", "null byte"),
        ("curl https://a/ -F 'f=@~nobody-of-that-name/x'", "reads this file"),
        ("curl https://a/ -H $'x: a\\nb'", "line break"),
    ],
)
def test_what_curl_would_refuse_is_an_error(text, message):
    with pytest.raises(RequestError, match=message.replace("(", r"\(")):
        parse_curl(text)


@pytest.mark.parametrize(
    ("text", "certificate"),
    [
        ("curl https://a/ --cert c.pem --key k.pem", ClientCertificate("c.pem", "k.pem")),
        ("curl https://a/ -E c.pem:pa:ss", ClientCertificate("c.pem", None, "pa:ss")),
        ("curl https://a/ -Ec.p12:x --cert-type p12", ClientCertificate("c.p12", None, "x", "P12")),
        (r"curl https://a/ --cert 'a\:b.pem' --pass s", ClientCertificate("a:b.pem", None, "s")),
        ("curl https://a/", None),
    ],
)
def test_client_certificate_options(text, certificate):
    assert parse_curl(text).certificate == certificate


def test_passphrase_stays_out_of_repr():
    assert "geheim" not in repr(parse_curl("curl https://a/ -E c.pem:geheim"))


def test_data_makes_a_form_post_and_parts_are_joined():
    request = http("curl https://a/ -d a=1 --data b=2 --data-urlencode 'c=x y&z'")
    assert (request.method, request.body) == ("POST", b"a=1&b=2&c=x+y%26z")
    assert dict(request.headers)["content-type"] == b"application/x-www-form-urlencoded"


def test_data_from_files():
    assert http("curl https://a/ -d @f.txt", f_txt=b"a\r\nb\0").body == b"ab"
    assert http("curl https://a/ --data-binary @f.txt", f_txt=b"a\r\nb").body == b"a\r\nb"
    assert http("curl https://a/ --data-raw @f.txt").body == b"@f.txt"


def test_get_puts_data_into_the_query():
    request = http("curl -G https://a/p?x=1 -d y=2 --data-urlencode 'q=ä'")
    assert (request.method, request.target, request.body) == ("GET", "/p?x=1&y=2&q=%C3%A4", None)
    assert "content-type" not in dict(request.headers)


def test_head_json_upload_range_referer_agent_and_credentials():
    assert http("curl -I https://a/").method == "HEAD"
    sent = headers("curl https://a/ --json '{}' -A me -e https://r/ -r 0-9 -u 'joe:s:x'")
    assert sent["content-type"] == sent["accept"] == b"application/json"
    assert (sent["user-agent"], sent["referer"], sent["range"]) == (b"me", b"https://r/", b"bytes=0-9")
    assert sent["authorization"] == b"Basic am9lOnM6eA=="
    put = http("curl -T f.txt https://a/f", f_txt=b"abc")
    assert (put.method, put.body) == ("PUT", b"abc")
    assert headers("curl https://joe:pw@a/")["authorization"] == b"Basic am9lOnB3"


def test_form_is_multipart():
    request = http("curl https://a/ -F name=joe -F 'f=@x.txt;type=text/csv' -F 'g=<x.txt'", x_txt=b"1,2")
    assert request.method == "POST"
    assert request.body == b"".join(
        [
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="name"\r\n\r\njoe\r\n',
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="f"; filename="x.txt"\r\n',
            b"Content-Type: text/csv\r\n\r\n1,2\r\n",
            b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="g"\r\n\r\n1,2\r\n',
            b"--" + BOUNDARY + b"--\r\n",
        ]
    )


def test_headers_replace_empty_and_remove():
    sent = headers("curl https://a/ -H 'User-Agent:' -H 'Accept: x/y' -H 'X-Empty;' -H 'Host: b'")
    assert "user-agent" not in sent
    assert (sent["accept"], sent["x-empty"]) == (b"x/y", b"")
    assert http("curl https://a/ -H 'Host: b'").host == "b"


def test_short_options_cluster_and_take_attached_arguments():
    request = parse_curl("curl -sSLkXPOST -Hx-a:1 -dq=1 https://a/")
    assert (request.http.method, request.http.body) == ("POST", b"q=1")
    assert dict(request.http.headers)["x-a"] == b"1"


@pytest.mark.parametrize(
    ("option", "version"),
    [("--http1.1", "HTTP/1.1"), ("-0", "HTTP/1.0"), ("--http2", "HTTP/2"), ("--http3", "HTTP/3")],
)
def test_http_version(option, version):
    assert http(f"curl {option} https://a/").http_version == version


def test_dot_segments_are_resolved_as_curl_does_unless_told_not_to():
    assert http("curl https://a/b/../c/./d").target == "/c/d"
    assert http("curl --path-as-is https://a/b/../c").target == "/b/../c"


def test_tls_max_lowers_the_version():
    assert http("curl --tls-max 1.2 https://a/").tls_version == "TLSv1.2"


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_with_a_message(text):
    try:
        parse_curl("curl https://a.example/ " + text, read=lambda name: b"")
    except RequestError as error:
        assert str(error)


@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), min_size=1), max_size=5
    )
)
def test_words_quoted_for_a_shell_come_back(words):
    import shlex

    assert list(split(shlex.join(words)).words) == words


PIECES = [
    "a", " ", "b c", "'", '"', "\\", "\\\n", "\n", "\t", "$'", "\\n", "\\x41", "\\101", "\\'", '\\"', "é",
    "\\u00e9", "#",
]  # fmt: skip


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_words_are_those_of_bash_itself(tmp_path):
    """Many command lines in one run of bash: each in a file of its own, since an open quote ends all that follows."""
    rng = random.Random(20)
    lines = ["x" + "".join(rng.choice(PIECES) for _ in range(rng.randrange(1, 12))) for _ in range(400)]
    script = []
    for number, line in enumerate(lines):
        (tmp_path / str(number)).write_text(f"printf '%s\\0' {line}")
        script.append(f"bash {number} >{number}.out 2>/dev/null || :")
    run = {"cwd": tmp_path, "check": True, "env": {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}}
    subprocess.run(["bash", "-c", "\n".join(script)], **run, stderr=subprocess.DEVNULL)
    agreed = 0
    for number, line in enumerate(lines):
        try:
            words = split(line).words
        except RequestError:
            words = None
        raw = (tmp_path / f"{number}.out").read_bytes()
        theirs = tuple(word.decode("utf-8", "surrogateescape") for word in raw.split(b"\0")[:-1])
        if words is None:
            assert theirs == (), line
        elif "\n" not in line.replace("\\\n", ""):
            # bash would run a second line as another command; `split` ends at the first.
            assert theirs == words, line
            agreed += 1
    assert agreed > 150


def test_a_backtick_before_a_line_end_in_quotes_is_not_powershell():
    assert parse_curl("curl https://a/ -d '`\n'").http.body == b"`\n"


def test_bytes_that_are_not_utf8_in_a_query_are_sent_as_they_are():
    for command in (r"curl https://a/ --url-query $'\xff=b'", r"curl -G https://a/ -d $'\xff=b'"):
        assert parse_curl(command).http.target == "/?%FF=b"


def test_bytes_that_are_not_utf8_in_a_password_are_sent_as_they_are():
    request = parse_curl("curl https://a/ -u $'user:\\xff'").http
    assert dict(request.headers)["authorization"] == b"Basic " + base64.b64encode(b"user:\xff")
