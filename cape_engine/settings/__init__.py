"""Settings: every open question of the subject is one, with a default; all values in force go into the manifest.

Names, types, defaults, choices and sources stand in `settings.toml`; a value comes from that file, from the user's
own TOML (`--settings FILE`), from `--set name=value` or from Python, the later one winning.
"""

from __future__ import annotations

import datetime as dt
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from cape_engine.errors import RuleFileError, SettingError

Value = str | int | bool | dt.date | list[str] | None

MOST = 10**15
"""Largest number a setting takes: sums of it with any amount or day stay within 64 bits."""
_WHOLE = re.compile(r"-?[0-9]{1,30}")
_TYPES = ("bool", "int", "text", "date", "list", "table")
_WRITTEN = {
    "bool": "true or false",
    "int": "a whole number",
    "text": "words",
    "date": "a day, YYYY-MM-DD",
    "list": "words with commas between",
    "table": "a table of a settings file",
}
"""How a value of each type is written."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: what it decides, its default and what it takes.

    Attributes:
        name: dotted name of handbook chapter 9.
        type: bool, int, text, date, list or table.
        default: value in force unless changed.
        choices: allowed words; empty when any value of the type will do.
        low: smallest number allowed, or None.
        meaning: the question it decides.
        source: where the default comes from.
        only_default: why `run` does not act on another value yet; empty when it does.
    """

    name: str
    type: str
    default: Value
    choices: tuple[str, ...]
    low: int | None
    meaning: str
    source: str
    only_default: str


@cache
def catalogue() -> Mapping[str, Setting]:
    """Every setting by name, read strictly from `settings.toml`."""
    text = resources.files(__name__).joinpath("settings.toml").read_text(encoding="utf-8")
    found: dict[str, Setting] = {}
    for group, members in tomllib.loads(text).items():
        for key, body in members.items():
            name = f"{group}.{key}"
            unknown = set(body) - {"type", "default", "choices", "low", "meaning", "source", "only_default"}
            if unknown or body.get("type") not in _TYPES:
                raise RuleFileError(
                    f"settings.toml: [{name}] has unknown keys {sorted(unknown)} or no type of {_TYPES}"
                )
            found[name] = Setting(
                name,
                body["type"],
                body.get("default"),
                tuple(body.get("choices", ())),
                body.get("low"),
                body["meaning"],
                body["source"],
                body.get("only_default", ""),
            )
    return found


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force; read one with `settings.text(...)`, `.number(...)`, `.switch(...)`, `.words(...)`."""

    values: Mapping[str, Value]

    @classmethod
    def build(cls, changes: Mapping[str, object] | None = None, file: Path | None = None) -> Settings:
        """Defaults, then the user's file, then `changes`.

        Raises:
            SettingError: an unknown name or a value that the setting does not take.
        """
        values: dict[str, Value] = {name: setting.default for name, setting in catalogue().items()}
        if file is not None:
            for name, value in _flatten(file).items():
                values[name] = checked(name, value)
        for name, value in (changes or {}).items():
            values[name] = checked(name, value)
        return cls(values)

    def text(self, name: str) -> str:
        """The value of a setting that is a word."""
        value = self.values[name]
        if not isinstance(value, str):
            raise SettingError(f"{name} is not a word but {value!r}")
        return value

    def number(self, name: str) -> int:
        """The value of a setting that is a whole number."""
        value = self.values[name]
        if isinstance(value, bool) or not isinstance(value, int):
            raise SettingError(f"{name} is not a whole number but {value!r}")
        return value

    def maybe_number(self, name: str) -> int | None:
        """The value of a setting that is a whole number or none."""
        return None if self.values[name] is None else self.number(name)

    def switch(self, name: str) -> bool:
        """The value of a setting that is true or false."""
        value = self.values[name]
        if not isinstance(value, bool):
            raise SettingError(f"{name} is not true or false but {value!r}")
        return value

    def words(self, name: str) -> tuple[str, ...]:
        """The value of a setting that is a list."""
        value = self.values[name]
        if not isinstance(value, list):
            raise SettingError(f"{name} is not a list but {value!r}")
        return tuple(value)

    def day(self, name: str) -> dt.date:
        """The value of a setting that is a day."""
        value = self.values[name]
        if not isinstance(value, dt.date):
            raise SettingError(f"{name} is not a day but {value!r}")
        return value

    def in_force(self) -> dict[str, object]:
        """All values, ready for JSON, sorted by name."""
        return {
            name: value.isoformat() if isinstance(value, dt.date) else value
            for name, value in sorted(self.values.items())
        }


def _flatten(file: Path) -> dict[str, object]:
    """The settings of a TOML file as dotted names."""
    try:
        parsed = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingError(f"{file}: the settings cannot be opened: {error.strerror or error}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"{file}: not a readable TOML file: {error}") from error
    flat: dict[str, object] = {}

    def walk(prefix: str, node: object) -> None:
        if isinstance(node, dict) and prefix not in catalogue():
            for key, value in node.items():
                walk(f"{prefix}.{key}" if prefix else key, value)
        else:
            flat[prefix] = node

    walk("", parsed)
    return flat


def checked(name: str, value: object) -> Value:
    """`value` as the type of setting `name`; text is parsed as on the command line.

    Raises:
        SettingError: unknown name (with the nearest known ones), wrong type, or a choice that does not exist.
    """
    setting = catalogue().get(name)
    if setting is None:
        near = [known for known in catalogue() if known.split(".")[0] == name.split(".", maxsplit=1)[0]]
        raise SettingError(f"there is no setting {name!r}; known here: {', '.join(near or catalogue())}")
    result = _typed(setting, value)
    if setting.choices and result is not None:
        words = result if isinstance(result, list) else [result]
        wrong = [word for word in words if word not in setting.choices]
        if wrong:
            raise SettingError(f"{name} takes {' | '.join(setting.choices)}, not {wrong[0]!r}")
    if setting.low is not None and isinstance(result, int) and result < setting.low:
        raise SettingError(f"{name} must be at least {setting.low}, not {result}")
    if setting.only_default and result != setting.default:
        raise SettingError(f"{name} stays {setting.default!r} here: {setting.only_default}")
    return result


def _typed(setting: Setting, value: object) -> Value:
    """`value` as the type of `setting`, strictly."""
    if value is None or (isinstance(value, str) and value.lower() == "none" and setting.default is None):
        return None
    kind = setting.type
    if kind == "bool" and (isinstance(value, bool) or str(value).lower() in {"true", "false"}):
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if kind == "int" and not isinstance(value, bool) and _WHOLE.fullmatch(str(value).replace("_", "")):
        number = int(str(value).replace("_", ""))
        if abs(number) > MOST:
            raise SettingError(f"{setting.name} takes a whole number up to {MOST}, not {number}")
        return number
    if kind == "text" and isinstance(value, str):
        return value
    if kind == "date" and isinstance(value, (str, dt.date)):
        try:
            return value if isinstance(value, dt.date) else dt.date.fromisoformat(value)
        except ValueError:
            pass
    if kind == "list" and isinstance(value, (str, list, tuple)):
        return (
            [word.strip() for word in value.split(",") if word.strip()]
            if isinstance(value, str)
            else [str(word) for word in value]
        )
    raise SettingError(f"{setting.name} takes a value of type {setting.type} ({_WRITTEN[kind]}), not {value!r}")
