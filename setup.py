"""Puts what lies beside the package into it when it is installed; ``explorer.root`` finds it."""

from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

BESIDE = ("app.py", "train.py", ".streamlit/config.toml", "static", "pretrained")


class BuildWhole(build_py):
    """Builds the package with the page's code and the models that ship."""

    def run(self) -> None:
        """Build, as setuptools has it."""
        super().run()
        for place in BESIDE:
            files = [path for path in (Path(place), *Path(place).rglob("*")) if path.is_file()]
            for file in files:
                target = Path(self.build_lib, "explorer", "shipped", file)
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))


setup(cmdclass={"build_py": BuildWhole})
