"""A desk of somebody's own: loaded by name, told events, and its faults named by their place."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import alp
from alp.errors import AlpError, ConfigError, DeskError
from alp.models.desk import MOST_LEVELS, Desk, DeskInstrument, Event, Wish

_OWN = str(Path(alp.__file__).parent)


class GuardedDesk:
    """Tells a desk events and looks over its wishes.

    Parameters
    ----------
    products
        The numbers of those that can be quoted.
    """

    def __init__(self, desk: Desk, products: Collection[int]) -> None:
        self.desk = desk
        self.interval_ns = desk.interval_ns
        self._products = products
        self._last = -(1 << 62)
        if not isinstance(self.interval_ns, int) or self.interval_ns <= 0:
            raise self._fault(f"interval_ns {self.interval_ns!r} is not a positive whole number")

    def on(self, event: Event) -> Sequence[Wish]:
        """Return the desk's wishes.

        Raises
        ------
        DeskError
            If its code failed, or a wish of it cannot be.
        """
        try:
            wishes = self.desk.on(event)
        except AlpError:
            raise
        except Exception as error:
            raise desk_failure(type(self.desk).__qualname__, error, f"on {event}") from error
        if not wishes:
            return ()
        for wish in wishes:
            self._look(wish)
        return wishes

    def close(self) -> None:
        """Let the desk hear that this was all."""
        try:
            self.desk.close()
        except AlpError:
            raise
        except Exception as error:
            raise desk_failure(type(self.desk).__qualname__, error, "at its end") from error

    def _look(self, wish: Wish) -> None:
        if not isinstance(wish, Wish):
            raise self._fault(f"it wished {wish!r}, which is no Wish")
        if wish.instrument not in self._products:
            raise self._fault(f"it wished for instrument {wish.instrument}, which there is not")
        if wish.number <= self._last:
            raise self._fault(f"wish {wish.number} came after wish {self._last}: numbers rise")
        self._last = wish.number
        for levels in (wish.bids, wish.asks):
            if len(levels) > MOST_LEVELS:
                raise self._fault(f"wish {wish.number} has {len(levels)} levels, not {MOST_LEVELS}")
            for price, lots in levels:
                # A whole number of numpy or a float would make results of another machine differ.
                if type(price) is not int or type(lots) is not int or price <= 0 or lots <= 0:
                    raise self._fault(
                        f"wish {wish.number} has a level of price {price!r} and {lots!r} lots: "
                        "both are positive int"
                    )

    def _fault(self, what: str) -> DeskError:
        kind = type(self.desk)
        place = _place_of(kind)
        return DeskError(f"{place}{kind.__qualname__}: {what}", hint="docs/strategy-interface.md")


def desk_failure(name: str, error: BaseException, doing: str) -> DeskError:
    """Return what to say of an exception out of a desk's code: the last line of it that is its."""
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if not frame.filename.startswith(_OWN)]
    last = (theirs or frames)[-1]
    said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return DeskError(
        f"{last.filename}:{last.lineno}: {name} failed {doing:.200}: {said}",
        hint=f"the line is: {last.line}" if last.line else None,
    )


def _place_of(kind: type) -> str:
    try:
        return f"{inspect.getsourcefile(kind)}:{inspect.getsourcelines(kind)[1]}: "
    except (OSError, TypeError):
        return ""


def load_desk(name: str, folders: Sequence[Path] = ()) -> type[Desk]:
    """Return the class that ``module:Class`` or ``file.py:Class`` names.

    Parameters
    ----------
    folders
        Where modules and files are looked for beside the ways of Python.

    Raises
    ------
    ConfigError
        If there is no such module or class, or it is no desk.
    DeskError
        If the module's own code failed.
    """
    where, colon, kind = name.rpartition(":")
    if not colon or not where or not kind:
        raise ConfigError(f"{name!r} names no desk", hint="it is module:Class or file.py:Class")
    with _found_in(folders):
        module = _file(where, folders) if where.endswith(".py") else _module(where)
    found = getattr(module, kind, None)
    if not isinstance(found, type) or not issubclass(found, Desk):
        raise ConfigError(f"{where} has no desk {kind}", hint="a desk derives from Desk")
    return found


def make_desk(
    kind: type[Desk], instruments: tuple[DeskInstrument, ...], options: Mapping[str, Any]
) -> Desk:
    """Return a desk of its class, made of its products and options.

    Raises
    ------
    ConfigError
        If it takes no such option.
    DeskError
        If its code failed.
    """
    try:
        inspect.signature(kind).bind(instruments, **options)
    except TypeError as error:
        raise ConfigError(f"desk {kind.__qualname__}: {error}") from error
    maker: Callable[..., Desk] = kind
    try:
        return maker(instruments, **options)
    except AlpError:
        raise
    except Exception as error:
        raise desk_failure(kind.__qualname__, error, "when it was made") from error


def desk_maker(
    name: str, options: Mapping[str, Any], folders: Sequence[Path] = ()
) -> Callable[[tuple[DeskInstrument, ...], float], Desk]:
    """Return what makes the desk that a name and options say; the class is loaded here.

    Raises
    ------
    ConfigError, DeskError
        As :func:`load_desk`.
    """
    kind = load_desk(name, folders)
    return lambda instruments, _: make_desk(kind, instruments, options)


@contextmanager
def _found_in(folders: Sequence[Path]) -> Iterator[None]:
    before = list(sys.path)
    sys.path[:0] = [str(folder.resolve()) for folder in folders]
    try:
        yield
    finally:
        sys.path[:] = before


def _module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is not None and (name + ".").startswith(error.name + "."):
            raise ConfigError(
                f"there is no module {name}", hint="it is looked for here and beside the manifest"
            ) from error
        raise _broken(name, error) from error
    except Exception as error:
        raise _broken(name, error) from error


def _file(name: str, folders: Sequence[Path]) -> ModuleType:
    candidates = [Path(name), *(folder / name for folder in folders)]
    path = next((each for each in candidates if each.is_file()), None)
    if path is None:
        raise ConfigError(f"there is no file {name}")
    spec = importlib.util.spec_from_file_location(f"alp_desk_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} is no Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise _broken(name, error) from error
    return module


def _broken(name: str, error: Exception) -> DeskError:
    if isinstance(error, SyntaxError) and error.filename:
        return DeskError(f"{error.filename}:{error.lineno}: {error.msg}")
    return desk_failure(name, error, "when it was loaded")
