"""aiogram without the wait: each of its types gets its validator when it is first used, not when aiogram is imported.

On import `aiogram.types` calls `model_rebuild` on each of its 440 types (aiogram 3.31, end of `types/__init__.py`),
and pydantic goes through all that a type refers to each time: six of the eight seconds that a bot took to start on a
small machine. The types say `defer_build` themselves, so pydantic builds what is missing at the first use, as long as
it finds the names that a type refers to among the globals of the type's module; there they are put here.
"""

import sys
from importlib import import_module
from typing import Any, Literal, Optional, Union

from pydantic import BaseModel


def import_aiogram() -> None:
    """Import it so, unless somebody has imported it already."""
    if "aiogram" in sys.modules:
        return
    rebuild = vars(BaseModel)["model_rebuild"]
    setattr(BaseModel, rebuild.__name__, classmethod(_later))
    try:
        types = import_module("aiogram.types")
    finally:
        setattr(BaseModel, rebuild.__name__, rebuild)
    names: dict[str, Any] = {name: getattr(types, name) for name in types.__all__}
    names |= {"List": list, "Optional": Optional, "Union": Union, "Literal": Literal}
    names["Default"] = import_module("aiogram.client.default").Default
    for module in [module for name, module in sys.modules.items() if name.startswith("aiogram.types.")]:
        vars(module).update(names | vars(module))


def _later(_cls: type[BaseModel], /, **_: object) -> None:
    """Nothing to rebuild yet."""
