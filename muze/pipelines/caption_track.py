"""A recording's captions: from its own fields, in a service's words where one is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muze.core.errors import MuzeError
from muze.core.grid import TimeGrid
from muze.pipelines.annotation import Fields
from muze.pipelines.caption_services import PROMPT, TEMPLATE, CaptionService
from muze.pipelines.captions import template_captions
from muze.pipelines.heard_track import HeardTrack

if TYPE_CHECKING:
    from muze.pipelines.annotate import Listener


def write_captions(track: HeardTrack, by: Listener) -> None:
    """Fill the prompts, unless they are told, and CLAP's embedding of the first."""
    record = track.record
    if not (record.get("prompt") or record.get("prompts")):
        texts, backend = template_captions(record), TEMPLATE
        if by.captions is not None:
            texts, backend = _enriched(track, texts, by.captions)
        track.tell({"prompts": texts}, backend, "1")
    prompts = record.get("prompts") or [record["prompt"]]
    if not track.knows("prompt"):
        record["prompt"] = prompts[0]
        track.provenance["prompt"] = track.provenance["prompts"]
    if "clap" in by.streams and track.knows("clap_audio_embedding"):  # else its reason is told
        _embed_prompt(track, by)


def _enriched(
    track: HeardTrack, texts: list[str], service: CaptionService
) -> tuple[list[str], str]:
    """Return captions in other words and who wrote them; where that failed, those given."""
    note = ""

    def ask() -> Fields:
        nonlocal note
        caption = service.enrich(texts)
        note = caption.note
        return {"texts": caption.texts, "backend": caption.backend}

    asked = {
        "service": service.backend,
        "model": service.model,
        "prompt": PROMPT,
        "texts": texts,
    }
    written = track.memory.find("captions", asked, ask)
    if note:
        track.memory.forget("captions", asked)  # the next build asks again
        track.note(note)
    return written["texts"], written["backend"]


def _embed_prompt(track: HeardTrack, by: Listener) -> None:
    clap, key = by.streams["clap"], "clap_text_embedding"
    if track.knows(key):
        return
    text, grid = track.record["prompt"], TimeGrid.of_song(1.0)

    def work() -> Fields:
        drawn = clap.parse(clap.Values.model_validate({"text": text}), grid)
        told: Fields = clap.fields(drawn, grid)
        return told

    asked = {
        "version": clap.feature_version,
        "config": clap.config.model_dump(mode="json"),  # type: ignore[attr-defined]
        "text": text,
    }
    try:
        found = track.memory.find("clap text", asked, work)
    except MuzeError as fault:
        track.lack([key], clap.extractor, "", str(fault))
        return
    track.tell({key: found[key]}, clap.extractor, str(clap.feature_version))
