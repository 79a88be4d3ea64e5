"""The code of the page's parts, from ``static/live/``.

Its address carries its version, so that a browser may keep the files for good and never runs old
ones after an upgrade. Modules import each other by relative paths, which keep the version.
"""

from __future__ import annotations

import hashlib
import posixpath
import re
from pathlib import Path

from explorer.root import ROOT

FOLDER = ROOT / "static" / "live"
FILES = {
    path.relative_to(FOLDER).as_posix(): path.read_bytes() for path in sorted(FOLDER.rglob("*.js"))
}
"""Read once: what is served belongs to the version, whatever happens to the files meanwhile."""
STYLE = (FOLDER / "style.css").read_text(encoding="utf-8")
"""Of the parts."""
VERSION = hashlib.sha256(
    repr(FILES).encode() + Path(__file__).with_name("payload.py").read_bytes()  # what they read
).hexdigest()[:16]
_IMPORT = re.compile(r'^import (\{[^}]*\}|\* as \w+) from "([^"]+)";', re.M)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|function\*?|class) (\w+|\[[^]]*\]))", re.M)
_IDLE = re.compile(
    r"^ *(?:/\*\*(?:(?!\*/).)*\*/\n|//[^\n]*\n)| *// prettier-ignore$|^ +", re.M | re.S
)
"""Comments and indents."""
_EXPORTS = re.compile(r"^export \{([^}]*)\};", re.M)


def bundle_code(*entries: str) -> str:
    """One script of some modules and all that they import.

    It has ``need``, which runs a module when it is first asked for and gives what that exports. A
    worker of a page from a disk can run one such script from memory, but no modules.

    Args:
        entries: modules by their path below ``static/live``.
    """
    modules = ",\n".join(
        f'"{name}"() {{\n{_as_function(name)}\n}}' for name in modules_of(*entries)
    )
    return (
        f"const modules = {{\n{modules}\n}};\nconst known = {{}};\n"
        "self.need = (name) => (known[name] ??= modules[name]());\n"
    )


def modules_of(*entries: str) -> list[str]:
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


def _as_function(name: str) -> str:
    """The body of a function that runs a module."""

    def need(found: re.Match[str]) -> str:
        names = found[1].removeprefix("* as ").replace(" as ", ": ")
        return f'const {names} = need("{_path(name, found[2])}");'

    source = _IMPORT.sub(need, _IDLE.sub("", FILES[name].decode()))
    exported = [*_EXPORT.findall(source), *_EXPORTS.findall(source)]
    body = _EXPORTS.sub("", _EXPORT.sub("", source))
    body = body.replace("import.meta.url", "location.href")  # which a classic script has
    return f"{body}\nreturn {{ {', '.join(names.strip('[] ') for names in exported)} }};"
