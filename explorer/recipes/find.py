"""Find a recipe by name or file, or the best one for a latent dimension."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from explorer.recipes.ours import OURS
from explorer.recipes.published import PUBLISHED
from explorer.recipes.recipe import Recipe, RecipeError, recipe_from_json

RECIPES = {**OURS, **PUBLISHED}


def find_recipe(name: str | None, latent_dim: int) -> tuple[str, Recipe]:
    """Return the recipe of that name or JSON file; without a name, the best for the dimension.

    Returns:
        The recipe's name and the recipe.

    Raises:
        RecipeError: there is no such recipe, or the file does not hold one.
    """
    if name is None:
        name = "residual" if latent_dim <= 3 else "residual-wide"
    if name in RECIPES:
        return name, RECIPES[name]
    path = Path(name)
    is_json = path.suffix.lower() == ".json"
    if not (is_json and path.is_file()):
        what = f"file {name}" if is_json else f"recipe {name!r}"
        raise RecipeError(f"there is no {what}; choose {', '.join(RECIPES)}, or give a .json file")
    content = path.read_bytes()
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = content.decode("utf-16" if is_utf16 else "utf-8-sig")  # Windows adds BOMs
        values = json.loads(text, object_pairs_hook=_each_once)
    except UnicodeDecodeError as error:
        raise RecipeError(
            f"{path.name} is not text in UTF-8 or UTF-16; save it as UTF-8"
        ) from error
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path.name} is not JSON: {error}") from error
    return path.stem, recipe_from_json(values)


def _each_once(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in fields]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"it gives {twice!r} twice")
    return dict(fields)
