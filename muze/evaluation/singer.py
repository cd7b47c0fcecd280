"""How well the singer of a recording sings what a plan says, by the rows of ``muze generate``."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from muze.core.errors import MuzeError
from muze.core.grid import Audio
from muze.core.registry import Registry
from muze.evaluation.stems import Stems
from muze.pipelines.measure import as_long
from muze.pipelines.plan import Plan
from muze.pipelines.vocals import planned_singer
from muze.report import Report
from muze.voice.adherence import hear_stem, hear_voice
from muze.voice.mos import MOS
from muze.voice.sing import sing
from muze.voice.singer import on_stage
from muze.voice.voice_score import VoiceScore, rows


def hear_singer(
    stems: Stems, mix: Audio, plan: Plan, registry: Registry, report: Report
) -> list[dict[str, Any]]:
    """Return the figures of a voice as rows of an adherence's ``voice``.

    The plan is sung once more by its singer, to know when which sound is sung, and whose voice is
    right. Where that cannot be done, or would clone somebody anew, what needs it is None, and says
    why; all else is measured all the same.
    """
    assert plan.voice is not None
    voice, mix, grid = as_long(stems.voice, plan), as_long(mix, plan), plan.grid
    found: list[VoiceScore] = []
    try:
        singer = planned_singer(plan, registry)
        if singer.cloned:
            raise MuzeError("the singer is a clone, and nobody is cloned to be compared with")
        with on_stage(singer, report) as who:
            rate, seed = voice.sample_rate, plan.seed % 2**31
            song = sing(plan.voice, who, grid, rate, seed, registry, report)
            advance = report.task("listening to the voice", 1)
            found = hear_voice(replace(song, audio=voice), mix, plan.voice, grid, who, registry)
    except MuzeError as fault:
        why = str(fault).splitlines()[0]
        advance = report.task("listening to the voice", 1)
        found = hear_stem(voice, mix, plan.voice, grid, why, registry)
    advance()
    if stems.separator is not None:
        taken = f", in what {stems.separator} takes out of the mix"
        other = (", mix", ", speaking")  # what is heard in other sounds
        found = [row if row.name.endswith(other) else replace(row, heard_by=row.heard_by + taken)
                 for row in found]  # fmt: skip
        why = "what a separator takes out of a mix tells of the separator, not of the voice"
        found = [replace(row, value=None, reason=why) if row.name == MOS else row for row in found]
    return rows(found)
