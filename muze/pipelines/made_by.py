"""How a song was made, as its plan and its files tell it; and the mark of a cloned voice."""

from __future__ import annotations

import muze
from muze.core.errors import NotInstalledError
from muze.core.grid import Audio
from muze.report import Report
from muze.voice.plan import VoicePlan
from muze.voice.provenance import Provenance, provenance_of, sung_by
from muze.voice.watermark import about_watermark, mark


def made_by(model: str, voice: VoicePlan | None) -> Provenance:
    """Return what is told of a song that this muze makes with a model and, or without, a voice."""
    if voice is None:
        return provenance_of(muze.__version__, model)
    watermark = None
    if voice.consent is not None:
        try:
            watermark = about_watermark()
        except NotInstalledError:
            watermark = None  # told when the song is made, see mark_clone
    sung = sung_by(voice.about, voice.voice, voice.consent, watermark)
    return provenance_of(muze.__version__, model, sung)


def mark_clone(sounds: list[Audio], voice: VoicePlan, report: Report) -> list[Audio]:
    """Return sounds marked where a cloned voice sings in them; without the library as they are.

    That they are not marked is told, and stands in what the file tells of itself.
    """
    if voice.consent is None:
        return sounds
    try:
        about_watermark()
    except NotInstalledError as fault:
        report.note(f"a cloned voice sings, which the file's tags alone will tell: {fault}")
        return sounds
    advance = report.task("marking the cloned voice", len(sounds))
    marked = []
    for sound in sounds:
        marked.append(mark(sound))
        advance()
    return marked
