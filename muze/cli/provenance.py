"""``muze provenance``: what a sound file tells of how it was made."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer


def provenance(
    file: Annotated[Path, typer.Argument(help="A sound file, of muze or not.")],
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Tell whether a file says that a machine made it, and whether a cloned voice's mark is in it.

    Tags are lost when a file is converted by some programs; the mark is in the sound. It is a hint
    and no proof: steady tones are mistaken for it, and loud music hides it.
    """
    from muze.audio.io import read_audio
    from muze.core.errors import NotInstalledError
    from muze.voice.provenance import read_provenance
    from muze.voice.watermark import MARKED, UNSURE, about_watermark, heard_mark

    found = read_provenance(file)
    watermark: dict[str, Any] = {"heard": None, "score": None, "reason": None}  # Any: JSON
    try:
        by = about_watermark()
        score = heard_mark(read_audio(file))
        heard = "yes" if score >= MARKED else "unsure" if score >= UNSURE else "no"
        watermark |= {"heard": heard, "score": round(score, 3), "by": by}
    except NotInstalledError as fault:
        watermark["reason"] = str(fault)
    if json:
        import json as json_format

        told = None if found is None else found.model_dump(mode="json")
        result = {"file": str(file), "provenance": told, "watermark": watermark}
        print(json_format.dumps(result, indent=2, ensure_ascii=False))
        return
    print(found.sentence if found else f"{file} does not say how it was made.")
    if watermark["heard"] is None:
        print(f"A mark was not listened for: {watermark['reason']}")
    else:
        words = {"yes": "is heard", "unsure": "may be there", "no": "is not heard"}
        what = words[watermark["heard"]]
        print(f"The mark of a cloned voice {what} (score {watermark['score']}; {watermark['by']}).")
