"""A bare Debian in a directory, set up there as on a fresh machine, and the image of its disk."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from scripts.testvm.mirror import RELEASE, Mirror, copy_settings, environment

PROJECT = "root/dml bed"
"""Where the project is in the root: a name with a space, which has to work, too."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
IMAGE_SIZE = "8G"  # sparse

# What a machine has before `make setup`: an init, logins, and what README asks for.
_PACKAGES = "systemd-sysv,dbus,libpam-systemd,udev,kmod,git,make,ca-certificates,sudo"
_SERVICE = """\
[Unit]
Description=Jobs of make test-vm
After=multi-user.target
[Service]
Type=idle
# As a person who has logged in: with the cgroups of a session.
PAMName=login
User=root
WorkingDirectory=/root
ExecStart=/bin/sh /jobs/all
ExecStopPost=+/bin/systemctl --no-block poweroff --force
[Install]
WantedBy=multi-user.target
"""


def make_root(root: Path, mirror: Mirror, tools: Path, log: Path) -> None:
    """Unpack a bare system, with the modules of the kernel that will run it."""
    script = tools / "usr/sbin/debootstrap"
    argv = [str(script), f"--include={_PACKAGES}", RELEASE, str(root), mirror.uri]
    share = {"DEBOOTSTRAP_DIR": str(tools / "usr/share/debootstrap")}
    with log.open("wb") as said:
        subprocess.run(
            argv, check=True, stdout=said, stderr=said, env={**os.environ, **share, "LC_ALL": "C"}
        )
    copy_settings(root, mirror)
    modules = root / "lib/modules"
    shutil.copytree(tools / "usr/lib/uml/modules", modules, symlinks=True, dirs_exist_ok=True)
    for version in modules.iterdir():
        subprocess.run(["depmod", "-b", str(root), version.name], check=True)
    (root / "etc/hostname").write_text("stock\n")
    (root / "etc/fstab").write_text("none /jobs hostfs defaults 0 0\n")
    (root / "jobs").mkdir()
    (root / "etc/systemd/system/dmlbed-jobs.service").write_text(_SERVICE)
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(parents=True, exist_ok=True)
    (wants / "dmlbed-jobs.service").symlink_to("/etc/systemd/system/dmlbed-jobs.service")


def copy_project(project: Path, root: Path) -> None:
    """What a clone would have, and what is not committed yet."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=project,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (project / name).is_file():  # one that is deleted, and not committed, is listed
            (root / PROJECT / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(project / name, root / PROJECT / name)


def set_up(root: Path, log: Path) -> None:
    """`make setup` in the root, with mounts that end with it.

    Raises:
        subprocess.CalledProcessError: it failed; the log says why.
    """
    inside = ["env", "-i", "HOME=/root", f"PATH={PATH}", "LANG=C.UTF-8", *environment()]
    script = (
        'set -e; mount --rbind /sys "$1/sys"; mount --rbind /dev "$1/dev"; root=$1; shift; '
        'exec chroot "$root" "$@" make -C "/$PROJECT" setup'
    )
    argv = [
        "unshare", "--mount", "--pid", "--fork", "--kill-child", f"--mount-proc={root}/proc", "--",
        "sh", "-c", script, "sh", str(root), *inside,
    ]  # fmt: skip
    with log.open("wb") as said:
        subprocess.run(
            argv,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            env={**os.environ, "PROJECT": PROJECT},
        )


def make_image(root: Path, image: Path) -> None:
    """A disk with the root on it."""
    argv = ["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", str(root), str(image)]
    subprocess.run([*argv, IMAGE_SIZE], check=True, stdout=subprocess.DEVNULL)
