"""A save leaves the old file or the new one, whenever it is stopped, and never overwrites somebody else's work."""

import os
import signal
import stat
import tempfile
from pathlib import Path

import pytest

from mtls_tui import files
from mtls_tui.rulefile import ANYTHING, ChangedOnDiskError, RuleFileError, load, loads, save
from mtls_tui.rulefile.reading import reread

OLD = "version = 1\n# old\n"
NEW = "version = 1\n# new\n" + "# padding\n" * 5000


def test_a_saved_file_is_what_was_typed_and_is_no_longer_changed(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    edited = reread(load(path), NEW)
    assert edited.changed
    saved = save(edited)
    assert path.read_text() == NEW
    assert not saved.changed
    assert save(reread(saved, OLD)).text == path.read_text() == OLD
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.rules.toml"]


def test_a_new_file_is_written_and_an_existing_one_is_not_overwritten_unless_told(tmp_path):
    rulefile = loads(NEW)
    saved = save(rulefile, tmp_path / "new.toml")
    assert saved.path == tmp_path / "new.toml"
    assert saved.folder == tmp_path
    (tmp_path / "other").write_text("precious")
    with pytest.raises(ChangedOnDiskError):
        save(rulefile, tmp_path / "other")
    assert (tmp_path / "other").read_text() == "precious"
    save(rulefile, tmp_path / "other", expected=ANYTHING)
    assert (tmp_path / "other").read_text() == NEW
    with pytest.raises(RuleFileError):
        save(rulefile)


def test_a_file_changed_by_somebody_else_is_not_overwritten(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    edited = reread(load(path), NEW)
    path.write_text("version = 1\n# theirs\n")
    with pytest.raises(ChangedOnDiskError) as caught:
        save(edited)
    assert "changed by somebody else" in str(caught.value)
    assert path.read_text() == "version = 1\n# theirs\n"


def test_a_file_that_holds_the_new_text_already_or_was_removed_is_no_conflict(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    edited = reread(load(path), NEW)
    path.write_text(NEW)
    assert not save(edited).changed
    path.unlink()
    save(edited)
    assert path.read_text() == NEW


def test_permissions_are_kept_and_a_new_file_follows_the_umask(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    path.chmod(0o640)
    save(reread(load(path), NEW))
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    old = os.umask(0o027)
    try:
        save(loads(NEW), tmp_path / "new.toml")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "new.toml").stat().st_mode) == 0o640


def test_a_symbolic_link_stays_one(tmp_path):
    (tmp_path / "real").mkdir()
    real = tmp_path / "real" / "x.rules.toml"
    real.write_text(OLD)
    link = tmp_path / "link.rules.toml"
    link.symlink_to(real)
    save(reread(load(link), NEW))
    assert link.is_symlink()
    assert real.read_text() == NEW


def test_what_can_t_be_written_is_told_with_a_cure_and_nothing_is_lost(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for target in (tmp_path, path / "inside", tmp_path / "absent" / "x", loop, Path("/proc/x.rules.toml")):
        with pytest.raises(RuleFileError) as caught:
            save(loads(NEW), target, expected=ANYTHING)
        assert caught.value.problem.cure
    assert path.read_text() == OLD
    assert {entry.name for entry in tmp_path.iterdir()} == {"x.rules.toml", "loop"}


def test_in_a_read_only_folder_the_file_stays_as_it_is():
    with tempfile.TemporaryDirectory() as name:  # unlike tmp_path, another user may get there
        folder = Path(name)
        folder.chmod(0o755)
        path = folder / "x.rules.toml"
        path.write_text(OLD)
        path.chmod(0o644)
        rulefile = reread(load(path), NEW)
        folder.chmod(0o555)
        root = os.geteuid() == 0
        try:
            if root:
                os.seteuid(65534)
            with pytest.raises(RuleFileError) as caught:
                save(rulefile)
        finally:
            if root:
                os.seteuid(0)
            folder.chmod(0o755)
        assert "permission denied" in str(caught.value)
        assert "writable" in caught.value.problem.cure
        assert path.read_text() == OLD
        assert [entry.name for entry in folder.iterdir()] == ["x.rules.toml"]


def test_a_full_disk_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    rulefile = reread(load(path), NEW)

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(RuleFileError, match="no space left"):
        save(rulefile)
    assert path.read_text() == OLD
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.rules.toml"]


STEPS = ("stat", "open", "write", "fchmod", "fsync", "replace", "folder")


@pytest.mark.parametrize("step", STEPS)
def test_kill_9_at_any_step_of_a_save_leaves_the_old_file_or_the_new_one(step, tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    rulefile = reread(load(path), NEW)
    child = os.fork()
    if child == 0:
        try:
            _die_at(step)
            save(rulefile)
        finally:
            os._exit(1)  # the step was never reached
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status)
    assert os.WTERMSIG(status) == signal.SIGKILL
    assert path.read_text() == (NEW if step == "folder" else OLD)
    assert load(path).changed is False
    saved = save(reread(load(path), NEW))
    assert saved.path.read_text() == NEW


def _die_at(step):
    def die(*_args, **_kwargs):
        os.kill(os.getpid(), signal.SIGKILL)

    real_open, real_fdopen = os.open, os.fdopen
    if step == "write":

        def half(descriptor, mode, **options):
            if mode != "wb":
                return real_fdopen(descriptor, mode, **options)
            os.write(descriptor, NEW.encode()[: len(NEW) // 2])
            return die()

        files.os.fdopen = half
    elif step == "open":
        files.os.open = lambda path, flags, *rest: die() if flags & os.O_CREAT else real_open(path, flags, *rest)
    elif step == "stat":
        files.Path.stat = die
    elif step == "replace":
        files.Path.replace = die
    elif step == "folder":
        files._sync_folder = die
    else:
        setattr(files.os, step, die)


def test_kill_9_of_a_process_that_saves_all_the_time_never_breaks_the_file(tmp_path):
    path = tmp_path / "x.rules.toml"
    path.write_text(OLD)
    texts = {OLD, NEW}
    for round_ in range(25):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                rulefile = load(path)
                while True:
                    os.write(write, b".")
                    rulefile = save(reread(rulefile, NEW if rulefile.text == OLD else OLD))
            finally:
                os._exit(1)
        os.close(write)
        os.read(read, 1 + round_ % 3)  # it is in the middle of its work
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(read)
        assert path.read_text() in texts
