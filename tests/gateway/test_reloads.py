"""Taking over what changes on disk: nothing is missed, what is refused is tried again, and messages say what is."""

import asyncio
import contextlib
import gc
import hashlib
from collections import Counter

import pytest

from mtls_tui.gateway import Settings, crlfiles, planning
from mtls_tui.gateway import reload as reloading
from mtls_tui.gateway.reload import Reloads, Taken, mark
from mtls_tui.pki import crl as crl_module
from mtls_tui.pki.load import crl_ders


class Subject:
    """Reads one file; `refuse` makes it refuse what it read, `late` is done between reading and returning."""

    def __init__(self, path):
        self.path, self.seen, self.read, self.told = path, {}, [], []
        self.refuse, self.late = (), None
        self.reloads = Reloads(self.take, lambda: self.seen, lambda: "it", self.told.append)
        self.seen = {path: mark(path)}

    async def take(self, force):
        self.seen = {self.path: mark(self.path)}
        text = self.path.read_text()
        if self.late is not None:
            late, self.late = self.late, None
            late()
        changed = "" if self.refuse or self.read[-1:] == [text] else "bundle"
        if not self.refuse:
            self.read.append(text)
        return Taken(changed, tuple(self.refuse))

    @contextlib.asynccontextmanager
    async def running(self):
        task = asyncio.create_task(self.reloads.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(condition, seconds=20.0):
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.fixture
def subject(tmp_path):
    path = tmp_path / "file"
    path.write_text("first")
    return Subject(path)


def replace(path, text):
    new = path.with_name("new")
    new.write_text(text)
    new.replace(path)


def test_file_that_changes_while_it_is_taken_over_is_read_once_more(subject):
    async def main():
        async with subject.running():
            subject.late = lambda: replace(subject.path, "third")
            replace(subject.path, "second")
            await until(lambda: subject.read[-1:] == ["third"])
        assert subject.read == ["second", "third"]

    asyncio.run(main())


def test_file_that_changed_between_the_first_reading_and_the_watch_is_read_once_more(subject):
    async def main():
        replace(subject.path, "second")
        async with subject.running():
            await until(lambda: subject.read == ["second"])

    asyncio.run(main())


def test_what_is_refused_is_tried_again_without_any_file_changing(subject, monkeypatch):
    monkeypatch.setattr(reloading, "FIRST_RETRY", 0.05)

    async def main():
        async with subject.running():
            subject.refuse = ("file: for a passing reason",)
            assert await subject.reloads.reload() is False
            assert subject.reloads.last["result"] == "refused"
            await asyncio.sleep(1.5)
            assert len(subject.told) == 1  # and each try is not told
            assert subject.reloads.counts == {"taken": 0, "refused": 1}
            subject.refuse = ()
            await until(lambda: subject.read == ["first"])
        assert subject.reloads.refused == () and subject.reloads.last["result"] == "taken"
        assert subject.reloads.last_success > 0

    asyncio.run(main())


def test_error_that_nobody_foresaw_is_a_refusal_and_the_watch_goes_on(subject):
    async def main():
        async with subject.running():
            subject.late = lambda: 1 / 0
            replace(subject.path, "second")
            await until(lambda: "ZeroDivisionError" in str(subject.reloads.refused))
            await until(lambda: subject.read == ["second"])

    asyncio.run(main())


def test_message_says_what_was_taken_over_and_what_was_not(subject):
    async def take(force):
        return Taken("revocation lists", ("bundle: broken",))

    subject.reloads._take = take
    assert asyncio.run(subject.reloads.reload()) is False
    assert subject.told == [
        "reloaded (revocation lists); now running it",
        "reload refused, for the rest its last good state stays: bundle: broken",
    ]
    assert subject.reloads.last["detail"] == "bundle: broken (taken over: revocation lists)"
    assert subject.reloads.counts == {"taken": 1, "refused": 1}


def test_watch_without_notices_of_the_system_looks_by_itself(subject, monkeypatch):
    def awatch(*_, **__):
        raise OSError("no inotify instances left")

    monkeypatch.setattr(reloading, "awatch", awatch)

    async def main():
        async with subject.running():
            await asyncio.sleep(0.1)
            replace(subject.path, "second")
            await until(lambda: subject.read == ["second"])

    asyncio.run(main())


def test_state_marks_its_files_before_they_are_read(site, tmp_path, monkeypatch):
    path = tmp_path / "ca.crl"
    path.write_text(site.crl())
    bundle = tmp_path / "b.json"
    site.write(hosts=(site.host("api.example.com", crl_files=(str(path),)),), path=bundle)
    original = crlfiles.read

    def read(*arguments):
        found = original(*arguments)
        replace(path, site.crl([5]))
        return found

    monkeypatch.setattr(crlfiles, "read", read)
    state = planning.make_state(bundle, bundle.read_bytes(), Settings(), tmp_path)
    assert state.seen[path] != mark(path)
    assert planning.renewed_lists(state).seen[path] != mark(path)


@pytest.fixture
def reads(monkeypatch):
    """How often each list was parsed, by its digest."""
    found: Counter[bytes] = Counter()
    parse = crl_module.parse_crl

    def counted(der):
        found[hashlib.sha256(der).digest()] += 1
        return parse(der)

    monkeypatch.setattr(crl_module, "parse_crl", counted)
    return found


def test_a_list_is_read_once_at_a_start_and_once_when_it_is_renewed_whatever_number_of_hosts_share_it(
    site, tmp_path, reads
):
    path, bundle = tmp_path / "ca.crl", tmp_path / "b.json"
    path.write_text(site.crl([3]))
    embedded = (site.crl(),)
    hosts = tuple(site.host(f"h{n}.example.com", crls=embedded, crl_files=(str(path),)) for n in range(5))
    site.write(hosts=hosts, path=bundle)
    reads.clear()
    state = planning.make_state(bundle, bundle.read_bytes(), Settings(), tmp_path)
    assert reads and set(reads.values()) == {1}
    reads.clear()
    replace(path, site.crl([3, 5]))
    renewed = planning.renewed_lists(state)
    assert renewed.lists != state.lists
    assert len(reads) == 2 and set(reads.values()) == {1}  # the new one, and the embedded one beside which it is put
    policy = crlfiles.policy_of(renewed.data, None, renewed.lists)
    (new,) = crl_ders(path.read_bytes())
    assert reads[hashlib.sha256(new).digest()] == 1
    digests = {crl.digest for host in policy.hosts.values() for crl in host.store.crls}
    del state, renewed, policy
    gc.collect()
    assert not digests & set(crl_module._known)  # what nobody uses is not kept


def test_a_process_that_only_builds_the_policy_reads_each_list_once(site, tmp_path, reads):
    path, bundle = tmp_path / "ca.crl", tmp_path / "b.json"
    path.write_text(site.crl([5]))
    hosts = tuple(site.host(f"h{number}.example.com", crl_files=(str(path),)) for number in range(3))
    site.write(hosts=hosts, path=bundle)
    lists = {str(path): path.read_bytes()}
    reads.clear()
    assert crlfiles.policy_of(bundle.read_bytes(), None, lists).hosts
    assert reads and set(reads.values()) == {1}
