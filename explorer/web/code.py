"""The code of the page's parts, from ``static/live/``.

Its address contains its version, so that a browser may keep it for ever and never runs old code
after an upgrade. The app's page gets it as two modules, one of them for its worker.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from explorer.root import ROOT

FOLDER = ROOT / "static" / "live"
FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in sorted(FOLDER.rglob("*.js"))
}
"""Read once: what is served belongs to the version, even if the files change meanwhile."""
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
"""The style sheet of the parts."""
_PACKAGE = Path(__file__).parents[1]
MAKERS = (
    _PACKAGE / "notation.py",
    *(
        path
        for room in ("bundle", "core", "drawing", "web")
        for path in sorted((_PACKAGE / room).glob("*.py"))
    ),
)
"""The modules whose formats, limits and words are in what a browser keeps of a model."""
VERSION = hashlib.sha256(
    repr(FILES).encode() + b"".join(path.read_bytes() for path in MAKERS)
).hexdigest()[:16]
ENTRY, WORKER = "streamlit.js", "shared/worker.js"
"""The entry modules of the app's page and of its worker."""
_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "([^"]+)";', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function\*?|class) (\w+|\[[^]]*\]))", re.M)
_IDLE = re.compile(
    r"^ *(?:/\*\*(?:(?!\*/).)*\*/\n|//[^\n]*\n)| *// prettier-ignore$|^ +", re.M | re.S
)
"""Comments and indentation, which a single-file page does without."""
_EXPORTS = re.compile(r"^export \{([^}]*)\};", re.M)


def bundle_code(*entries: str) -> str:
    """Join modules and all that they import into one script.

    The script defines ``need``, which runs a module at the first call and returns its exports. A
    worker of a page opened from disk can run such a script from memory, but no modules.

    Args:
        entries: modules by their path below ``static/live``.
    """
    return _IDLE.sub("", _joined(entries, lambda name: "location.href")) + "self.need = need;\n"


def served(path: str) -> bytes | None:
    """The code that the app's page gets at a path below its version; None if there is none."""
    return _bundle_module(path) if path in (ENTRY, WORKER) else FILES.get(path)


@cache
def _bundle_module(entry: str) -> bytes:
    """A module with all that it imports, so that a browser needs one request instead of many."""

    def address_of(name: str) -> str:
        return (
            f'new URL("{posixpath.relpath(name, posixpath.dirname(entry))}", import.meta.url).href'
        )

    exported = _exported(FILES[entry].decode())
    export = f"export const {{ {', '.join(exported)} }} = " if exported else ""
    return f'{_joined([entry], address_of)}{export}need("{entry}");\n'.encode()


def _joined(entries: Iterable[str], address_of: Callable[[str], str]) -> str:
    """The modules as functions, and ``need``.

    Args:
        entries: modules by their path below ``static/live``.
        address_of: gives the address of a module as a JavaScript expression.
    """
    modules = ",\n".join(
        f'"{name}"() {{\n{_as_function(name, address_of(name))}\n}}'
        for name in _modules_of(entries)
    )
    return (
        f"const modules = {{\n{modules}\n}};\nconst known = {{}};\n"
        "const need = (name) => (known[name] ??= modules[name]());\n"
    )


def _modules_of(entries: Iterable[str]) -> list[str]:
    """Some modules and all that they import, in alphabetical order."""
    found: set[str] = set()
    waiting = list(entries)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [_path(name, path) for _, path in _IMPORT.findall(FILES[name].decode())]
    return sorted(found)


def _path(name: str, imported: str) -> str:
    """The path below ``static/live`` of what a module imports."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(name), imported))


def _as_function(name: str, address: str) -> str:
    """The body of a function that runs a module."""

    def need(found: re.Match[str]) -> str:
        names = found[1].removeprefix("* as ").replace(" as ", ": ")
        return f'const {names} = need("{_path(name, found[2])}");'

    source = _IMPORT.sub(need, FILES[name].decode())
    body = _EXPORTS.sub("", _EXPORT.sub("", source)).replace("import.meta.url", address)
    return f"{body}\nreturn {{ {', '.join(_exported(source))} }};"


def _exported(source: str) -> list[str]:
    """The names that a module exports."""
    return [names.strip("[] ") for names in (*_EXPORT.findall(source), *_EXPORTS.findall(source))]
