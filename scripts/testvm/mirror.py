"""Where Debian's packages come from: what this machine's apt says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

RELEASE = "bookworm"
# What a person sets to reach a package index or the network at all.
PASSED_ON = (
    "http_proxy", "https_proxy", "no_proxy", "PIP_INDEX_URL", "PIP_CERT", "PIP_DEFAULT_TIMEOUT",
    "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
)  # fmt: skip
_CERTIFICATES = ("etc/ssl/certs", "usr/local/share/ca-certificates", "usr/share/ca-certificates")
_FILES = ("etc/resolv.conf", "etc/hosts", "etc/pip.conf", "etc/apt/auth.conf")
_TARGET = "$(ORIGIN)|$(REPO_URI)|$(CODENAME)|$(COMPONENT)"


@dataclass(frozen=True)
class Mirror:
    """Debian's own entries of the machine's apt sources.

    Attributes:
        uri: of the release itself.
        sources: all of them, as lines of a sources.list.
    """

    uri: str
    sources: tuple[str, ...]


def parse_targets(text: str) -> Mirror | None:
    """The mirror among apt's index targets; None if the release itself is not among them."""
    sources, uri = [], None
    for line in text.splitlines():
        origin, where, codename, component = line.split("|")
        if origin != "Debian" or codename.partition("-")[0] != RELEASE:
            continue
        sources.append(f"deb {where} {codename} {component}")
        if codename == RELEASE and component == "main":
            uri = where
    return None if uri is None else Mirror(uri, tuple(dict.fromkeys(sources)))


def find_mirror() -> Mirror:
    """The mirror of this machine.

    Raises:
        SystemExit: apt knows none of the release; names it.
    """
    argv = ["apt-get", "indextargets", "--format", _TARGET, "Created-By: Packages"]
    said = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    mirror = parse_targets(said)
    if mirror is None:
        raise SystemExit(f"test-vm: apt has no lists of Debian {RELEASE} here (apt-get update)")
    return mirror


def download(packages: tuple[str, ...], folder: Path) -> None:
    """Fetch packages and unpack them below `folder`, without installing them."""
    # apt gives up root for a download, and says so of a directory that others cannot write.
    folder.mkdir()
    argv = ["apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", *packages]
    subprocess.run(argv, cwd=folder, check=True, stdout=sys.stderr)
    for package in folder.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", str(package), str(folder)], check=True)


def copy_settings(root: Path, mirror: Mirror) -> None:
    """Give a root the machine's ways to the network: sources, proxies, certificates, names."""
    (root / "etc/apt/sources.list").write_text("".join(f"{line}\n" for line in mirror.sources))
    dump = subprocess.run(["apt-config", "dump"], check=True, capture_output=True, text=True).stdout
    ways = ("Acquire::http", "Acquire::https", "Acquire::Retries")
    lines = [line for line in dump.splitlines() if line.startswith(ways)]
    (root / "etc/apt/apt.conf.d/90machine").write_text("".join(f"{line}\n" for line in lines))
    for name in _FILES:
        if Path("/", name).is_file():
            shutil.copy(Path("/", name), root / name)
    for name in _CERTIFICATES:
        if Path("/", name).is_dir():
            # Links in there point at each other, some may dangle, and most are in the root too.
            (root / name).mkdir(parents=True, exist_ok=True)
            copy = ["cp", "-a", "--remove-destination", f"/{name}/.", str(root / name)]
            subprocess.run(copy, check=True)


def environment() -> list[str]:
    """`NAME=VALUE` of what set-up needs of this machine's environment."""
    return [f"{name}={os.environ[name]}" for name in PASSED_ON if name in os.environ]
