"""The systemd unit of a node: what it may touch is its home, its ports, and nothing else."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tfchain.errors import Unavailable
from tfchain.node.settings import FLAG
from tfchain.store.files import told

LEAVE_S: Final = 30
"""A write that has begun ends first, and the log is synced."""

_TEMPLATE: Final = """\
# tfchain, made by `tfchain start --print-unit`. To run it:
#   sudo cp THIS /etc/systemd/system/tfchain.service
#   sudo systemctl daemon-reload && sudo systemctl enable --now tfchain
#   journalctl -u tfchain -f
[Unit]
Description=tfchain node of {described}
Wants=network-online.target
After=network-online.target time-sync.target
# A validator that comes up again and again helps nobody: after five times a person must look.
StartLimitIntervalSec=10min
StartLimitBurst=5

[Service]
Type=exec
User={user}
ExecStart={command}
WorkingDirectory={described}
Restart=on-failure
RestartSec=5
# 1: what was agreed is not what this node computes; 2: a wrong call. Starting again mends neither.
RestartPreventExitStatus=1 2
KillSignal=SIGTERM
TimeoutStopSec={leave_s}
LimitNOFILE=65536
UMask=0077

# It writes into its home and nowhere else, and needs no right that others have not.
ProtectSystem=strict
ProtectHome=read-only
ReadWritePaths={place}
PrivateTmp=yes
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RemoveIPC=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallErrorNumber=EPERM

[Install]
WantedBy=multi-user.target
"""


def unit_of(home: Path, flags: Sequence[str]) -> str:
    """The unit's text for a home. `flags`: settings that hold for each start, `NAME=VALUE` each.

    Raises:
        Unavailable: the home's owner is nobody whom this machine knows, or its path has a line's end.
    """
    place = str(home.resolve())
    if not place.isprintable():
        raise Unavailable("a unit cannot name this folder", ascii(place), "give it another name")
    with told("cannot look at the home", home):
        user = _owner(home)
    words = [sys.executable, "-m", "tfchain", "start", "--home", place]
    for flag in flags:
        words += [FLAG, flag]
    return _TEMPLATE.format(
        described=_percent(place),
        place=_path(place),
        user=user,
        command=" ".join(_word(word) for word in words),
        leave_s=LEAVE_S,
    )


def _owner(home: Path) -> str:
    try:
        return home.owner()
    except KeyError:
        return str(home.stat().st_uid)


def _percent(text: str) -> str:
    """A percent sign begins a word that systemd replaces."""
    return text.replace("%", "%%")


def _path(text: str) -> str:
    """A folder in a list of folders: spaces end it, unless it is quoted."""
    return _quoted(_percent(text))


def _word(text: str) -> str:
    """A word of a command, in which a dollar sign names a variable."""
    return _quoted(_percent(text).replace("$", "$$"))


def _quoted(text: str) -> str:
    if all(letter.isalnum() or letter in "/._-=:,%$@+" for letter in text):
        return text
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
