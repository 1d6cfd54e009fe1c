"""What requests can be, as languages, against the engine that makes fields of them."""

import random

from mtls_tui.engine import hostnames, paths
from mtls_tui.theory.languages import Algebra
from mtls_tui.theory.requests import Requests

PIECES = [b"/", b"/", b".", b"..", b";", b"%2e", b"%2F", b"%41", b"a", b"%", b"%4", b"//", b"\\", b"*", b'"', b"4",
          b"\xff", b"%25", b"~", "é".encode()]  # fmt: skip


def test_normal_paths_are_those_that_normalising_leaves_alone():
    random_ = random.Random(1)
    algebra = Algebra()
    requests = Requests(algebra)
    normal, made = requests.normal_paths(), requests.made_paths()
    seen = set()
    for _ in range(8000):
        path = b"/" + b"".join(random_.choice(PIECES) for _ in range(random_.randint(0, 6)))
        assert algebra.has(normal, path) is paths.stable(path), path
        if algebra.has(made, path):
            assert paths.stable(path)
        seen.add(paths.stable(path))
        star = b"*" + path
        assert not paths.stable(star) or algebra.has(normal, star)
    assert seen == {True, False}


def test_names_below_a_wildcard_are_those_that_a_policy_routes_there():
    random_ = random.Random(2)
    algebra = Algebra()
    names = ["*.n.w.ex", "n.w.ex", "a.w.ex", "*.w.ex", "b.ex"]
    hosts = {name: name for name in names}
    below = Requests(algebra).names_below("*.w.ex", names)
    pieces = ["a", "n", "w.ex", ".w.ex", ".", "-", "n.w.ex", ":1", "A", "_"]
    seen = set()
    for _ in range(8000):
        name = "".join(random_.choice(pieces) for _ in range(random_.randint(0, 4)))
        routed = hostnames.normalise(name) == name and hostnames.most_specific(name, hosts) == "*.w.ex"
        assert algebra.has(below, name.encode()) is routed, name
        seen.add(routed)
    assert seen == {True, False}
