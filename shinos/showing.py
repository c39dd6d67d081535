"""`shinos clients show`: the record as JSON."""

import json
import sys
from datetime import UTC, datetime

from flows.identifiers import Identifier
from flows.settings import Settings
from flows.wiring import open_archive


async def show(settings: Settings, names: tuple[Identifier, ...]) -> int:
    """1 when nobody goes by that name."""
    async with open_archive(settings) as records:
        shown = await records.show(names)
    if shown is None:
        sys.stderr.write("shinos: nobody goes by that name; `shinos clients import FILE.csv` brings clients in\n")
        return 1
    table = shown.model_dump(mode="json")
    for name in ("created", "updated"):
        table[name] = datetime.fromtimestamp(table[name], UTC).isoformat()
    sys.stdout.write(json.dumps(table, ensure_ascii=False, indent=2) + "\n")
    return 0
