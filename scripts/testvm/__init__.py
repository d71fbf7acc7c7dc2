"""`make test-vm`: a stock Debian 12, bare, on this machine, and what is tried there.

Nearly every user has Debian's own kernel and Python, and few machines of developers do. Here
Debian's user-mode Linux (its kernel as a program, with Open vSwitch, netem and cgroup v2) boots
its own root, in which set-up has run as on a fresh machine. It needs root, no hardware support
for virtual machines, and some 4 GB below TMPDIR. All of it is in one temporary directory, which
goes when it ends; no package is installed on this machine. Only the standard library is used: the
machine need not be set up itself.

    __main__.py  the order of things, and the table
    mirror.py    where packages come from: this machine's own apt sources
    rootfs.py    the bare root, the project in it, set-up, the image of a disk
    guest.py     a booted virtual machine and its jobs
    jobs.py      what is tried
"""
