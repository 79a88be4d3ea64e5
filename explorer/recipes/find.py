"""Find a recipe by its name, by its file or by what suits the latent dimension."""

from __future__ import annotations

import json
from pathlib import Path

from explorer.recipes.ours import OURS
from explorer.recipes.published import PUBLISHED
from explorer.recipes.recipe import Recipe, RecipeError, recipe_from_json

RECIPES = {**OURS, **PUBLISHED}


def find_recipe(name: str | None, latent_dim: int) -> tuple[str, Recipe]:
    """The recipe of that name or JSON file; without a name, the best for the dimension.

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
    try:
        values = json.loads(path.read_text(encoding="utf-8-sig"))  # Windows adds a mark
    except (ValueError, RecursionError) as error:
        raise RecipeError(f"{path.name} is not JSON: {error}") from error
    return path.stem, recipe_from_json(values)
