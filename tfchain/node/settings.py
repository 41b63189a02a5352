"""Every setting of a node's home: what it is, what it is by default, and who has the last word.

A flag says it louder than the environment, that louder than the file, and what nobody says is as it
is here. `config` judges the values; this module knows where they come from.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from tfchain.errors import Malformed
from tfchain.node.config import (
    LOOK_BACK,
    LOOPBACK,
    SNAPSHOT_EVERY,
    NodeConfig,
    config_of,
    read_plain,
)

P2P_PORT: Final = 7400
HTTP_PORT: Final = 7480
FLAG: Final = "--set"
FILE: Final = "config.toml"
DEFAULT: Final = "default"
NUMBER_CHARS_MAX: Final = 20

Value: TypeAlias = "int | str | bool"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One setting. `name`: its section and its field in the file."""

    name: str
    default: Value
    unit: str
    what: str

    @property
    def variable(self) -> str:
        """What it is called in the environment."""
        return "TFCHAIN_" + self.name.upper().replace(".", "_")


SETTINGS: Final = (
    Setting(
        name="p2p.host",
        default=LOOPBACK,
        unit="address",
        what="Where other nodes reach this one; loopback keeps it to this machine.",
    ),
    Setting(
        name="p2p.port", default=P2P_PORT, unit="port", what="For peers; 0 lets the system pick."
    ),
    Setting(
        name="p2p.anyone",
        default=False,
        unit="true or false",
        what="Whether others than the listed peers may connect.",
    ),
    Setting(
        name="http.host",
        default=LOOPBACK,
        unit="address",
        what="Where scripts and people ask; loopback keeps it to this machine.",
    ),
    Setting(
        name="http.port", default=HTTP_PORT, unit="port", what="For HTTP; 0 lets the system pick."
    ),
    Setting(
        name="store.kind",
        default="auto",
        unit="auto, leveldb or sqlite",
        what="The database; auto takes LevelDB where it can be had, and never changes a home's.",
    ),
    Setting(
        name="store.snapshot_every",
        default=SNAPSHOT_EVERY,
        unit="blocks",
        what="From one snapshot of the state to the next, for whoever joins; 0 makes none.",
    ),
    Setting(
        name="store.keep_blocks",
        default=0,
        unit="blocks",
        what="How many of the newest blocks are kept; 0 keeps all of them: an archive.",
    ),
    Setting(
        name="store.keep_batches",
        default=0,
        unit="batches",
        what="Paid batches of a schedule whose receipts and mint records are kept; 0 keeps all.",
    ),
    Setting(
        name="guardian.automatic",
        default=False,
        unit="true or false",
        what="Whether a guardian here attests its own answer without asking a person.",
    ),
    Setting(
        name="log.level",
        default="info",
        unit="debug, info or warning",
        what="What goes to stderr: everything, what happens, or only what is wrong.",
    ),
    Setting(
        name="log.format",
        default="text",
        unit="text or json",
        what="How a line there is written: for people, or as one JSON object.",
    ),
    Setting(
        name="validator.look_back",
        default=LOOK_BACK,
        unit="blocks",
        what="Stored commits in which this validator's own signatures are looked for at start.",
    ),
)
BY_NAME: Final = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a home, and for each by its name who said so."""

    config: NodeConfig
    values: Mapping[str, Value]
    sources: Mapping[str, str]


def settings_of(text: str, environ: Mapping[str, str], flags: Sequence[str] = ()) -> Settings:
    """The settings that hold. `text`: that of the file; `flags`: `NAME=VALUE` each.

    Raises:
        Malformed: names the field, variable or flag that is unknown or out of range.
    """
    plain = read_plain(text)
    sources = {setting.name: _lay_under(plain, setting) for setting in SETTINGS}
    for setting in SETTINGS:
        if setting.variable in environ:
            _lay_over(plain, setting, environ[setting.variable], setting.variable)
            sources[setting.name] = setting.variable
    for flag in flags:
        name, equals, value = flag.partition("=")
        if not equals or name not in BY_NAME:
            raise Malformed(f"{FLAG} {flag}: NAME=VALUE is due, of {', '.join(BY_NAME)}")
        _lay_over(plain, BY_NAME[name], value, f"{FLAG} {name}")
        sources[name] = FLAG
    config = config_of(plain)
    values = {setting.name: _value(plain, setting) for setting in SETTINGS}
    return Settings(config=config, values=values, sources=sources)


def _lay_under(plain: dict[str, object], setting: Setting) -> str:
    """Put the default where the file says nothing; who has said it."""
    section, _, field = setting.name.partition(".")
    fields = plain.setdefault(section, {})
    if not isinstance(fields, dict) or field in fields:
        return FILE  # of a section that is none, the file's judge says so
    fields[field] = setting.default
    return DEFAULT


def _lay_over(plain: dict[str, object], setting: Setting, text: str, source: str) -> None:
    section, _, field = setting.name.partition(".")
    fields = plain[section]
    if isinstance(fields, dict):
        fields[field] = _typed(setting, text, source)


def _typed(setting: Setting, text: str, source: str) -> Value:
    """The text as what the setting is; its range is judged with the file's."""
    match setting.default:
        case bool():
            if text not in {"true", "false"}:
                raise Malformed(f"{source}: true or false is due")
            return text == "true"
        case int():
            if not (text.isascii() and text.isdigit() and len(text) <= NUMBER_CHARS_MAX):
                raise Malformed(f"{source}: a whole number is due")
            return int(text)
        case str():
            return text


def _value(plain: Mapping[str, object], setting: Setting) -> Value:
    section, _, field = setting.name.partition(".")
    fields = plain[section]
    assert isinstance(fields, dict), "config_of has judged it"
    value: Value = fields[field]
    return value
