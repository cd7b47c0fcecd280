"""What a song says of each stream, checked by the streams themselves."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from muze.core.errors import MuzeError, did_you_mean
from muze.core.grid import Metre, TimeGrid
from muze.core.registry import Registry
from muze.manifest import Faults, Song
from muze.manifest.faults import Keys
from muze.manifest.song import (
    LYRICS_KEYS,
    LYRICS_STREAMS,
    SECTION_SHORT_FORMS,
    SHORT_FORMS,
    Section,
    short_forms,
    sings,
)
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.resolve import StreamPlan, heard_fields, is_recording, resolve_stream
from muze.pipelines.separate import choose_separator
from muze.pipelines.trained import is_unseen

Said = dict[str, tuple[Keys, Any]]  # Any: what stands in the manifest
"""By stream: where the manifest says it, and what."""
LONGEST_NAME = 40
"""Letters of what may be named in a sentence, and said in a prompt."""
SAMPLE_SECONDS = 8.0
"""Length of the song on which it is tried whether a model met something in training."""


class Asked:
    """What a song says stream by stream, as a whole and in each section.

    What is faulty is noted and left out.
    """

    def __init__(self, song: Song, registry: Registry, model: ModelInfo, faults: Faults) -> None:
        self.song, self.registry, self.model, self.faults = song, registry, model, faults
        self.said_whole: Said = {}
        self.said_parts: list[Said] = [{} for _ in song.sections]
        self._check_voice()
        self.whole = self._of_song()
        self.parts = [self._of_section(i, section) for i, section in enumerate(song.sections)]

    def knows(self, name: str) -> bool:
        """Whether there is a stream of this name to be told something."""
        if self.model.streams is not None:
            return name in self.model.streams
        return name in self.registry.names() and self.registry.plugin(name).state == "ok"

    def value(self, plan: StreamPlan, keys: Keys, field: str) -> Any:
        """Return the value of the stream said at ``keys``, or the ``field`` its recording tells."""
        if plan.values is not None:
            return plan.values.get("value")
        assert plan.recording is not None
        try:
            heard = heard_fields(str(keys[-1]), plan.recording, self.registry)
        except MuzeError as fault:
            self.faults.add(keys, str(fault))
            return None
        if field not in heard:
            self.faults.add(keys, f"{plan.recording.path} lets no {field} be heard")
        return heard.get(field)

    def _check_voice(self) -> None:
        """Note what of a voice goes without a meaning."""
        if self.song.voice is None:
            return
        said = self.song.voice.model_fields_set
        if not said and not self.faults.under(("voice",)):
            self.faults.add(("voice",), "says nothing; say who sings, or take it out")
        if self.song.voice.language is not None and "lyrics" not in said:
            self.faults.add(("voice", "language"), "goes with lyrics; give them, or leave it out")

    def _of_song(self) -> dict[str, StreamPlan]:
        said = self.said_whole
        said |= {name: (("streams", name), value) for name, value in self.song.streams.items()}
        for key, name in SHORT_FORMS.items():
            value = getattr(self.song, key)
            # a model that reads no words still takes what the planner reads in them
            if value is not None and (name != "text" or self.knows("text")):
                said[name] = ((key,), _plain(value))
        for key, name in short_forms(self.song.voice).items():
            if (value := getattr(self.song.voice, key, None)) is not None:
                sounds = key == "style_of" and is_recording(value, self.song.source.folder)
                said[name] = (("voice", key), {"from": value} if sounds else value)
        if (unwanted := self.song.negative_prompt) is not None:
            self._resolve({"text": (("negative_prompt",), unwanted)})
        found = self._resolve(said)
        self._separate(found)
        return {**found, **self._of_lyrics()}

    def _separate(self, found: dict[str, StreamPlan]) -> None:
        """Let the voice be taken out of a recording of a singer first, where the song says so."""
        voice = self.song.voice
        keys: Keys = ("voice", "separate_vocals")
        if voice is None or not voice.separate_vocals:
            return
        told = found.get("voice")
        recording = None if told is None else told.recording
        if recording is None and not sings(voice) and not self.faults.under(("voice",)):
            self.faults.add(keys, "goes with a recording, as style_of or clone; take it out")
        if recording is None or told is None:
            return
        name = "auto" if voice.separate_vocals is True else voice.separate_vocals
        try:
            separator, _ = choose_separator(self.registry, name)
        except MuzeError as fault:
            self.faults.add(keys, str(fault))
            return
        recording = recording.model_copy(update={"separator": separator.name})
        found["voice"] = told.model_copy(update={"recording": recording})

    def _of_lyrics(self) -> dict[str, StreamPlan]:
        """Tell the words of ``voice`` to the streams of phonemes that the song does not say."""
        voice = self.song.voice
        found: dict[str, StreamPlan] = {}
        if voice is None or voice.lyrics is None or sings(voice):
            return found
        keys: Keys = ("voice", "lyrics")
        known = [name for name in LYRICS_STREAMS if self.knows(name)]
        left = [name for name in known if name not in self.song.streams]
        if not known:
            knows = ", ".join(self.model.streams or self.registry.names())
            self.faults.add(
                keys,
                f"model {self.model.name} cannot be told words: it knows neither "
                f"{' nor '.join(LYRICS_STREAMS)}; it knows {knows}",
            )
        elif not left:
            places = " and ".join(f"streams.{name}" for name in known)
            self.faults.add(keys, f"the words are said already, in {places}; leave one of them out")
        value = {key: said for key in LYRICS_KEYS if (said := getattr(voice, key)) is not None}
        for name in left:
            # its fields are keys of voice; what is wrong with all of them is told of the words
            told = Faults(self.faults.source)
            plan = self._resolve_one(name, ("voice",), value, told)
            for where, text in told.found:
                self.faults.add(where if len(where) > 1 else keys, text)
            if plan is not None and not told.found:
                found[name], self.said_whole[name] = plan, (("voice",), value)
        return found

    def _of_section(self, index: int, section: Section) -> dict[str, StreamPlan]:
        keys: Keys = ("structure", "sections", index)
        said = self.said_parts[index]
        said |= {name: ((*keys, "streams", name), value) for name, value in section.streams.items()}
        for key, name in SECTION_SHORT_FORMS.items():
            if (value := getattr(section, key)) is not None:
                said[name] = ((*keys, key), value)
        found = self._resolve(said)
        for name in found:
            layout = self.registry.get("stream", name).layout.values()
            if name == "beat" or ("vector" in layout and "tokens" not in layout):
                self.faults.add(said[name][0], f"{name} holds for the whole song; say it there")
        return found

    def _resolve(self, said: Said) -> dict[str, StreamPlan]:
        found = {}
        for name, (keys, value) in said.items():
            if not self.faults.under(keys):
                plan = self._resolve_one(name, keys, value, self.faults)
                if plan is not None:
                    found[name] = plan
        return found

    def _resolve_one(self, name: str, keys: Keys, value: Any, faults: Faults) -> StreamPlan | None:
        known = self.model.streams
        if known is not None and name not in known:
            hint = did_you_mean(name, known) or f"; it knows {', '.join(known)}"
            faults.add(keys, f"model {self.model.name} knows no stream {name!r}{hint}")
            return None
        folder, settings = self.song.source.folder, self.model.stream_settings.get(name, {})
        plan = resolve_stream(name, value, settings, keys, folder, self.registry, faults)
        if plan is not None:
            self._check_trained(name, plan, keys, faults)
        return plan

    def met(self, name: str, values: dict[str, Any], grid: TimeGrid) -> bool:
        """Whether the model met in training what a stream draws of ``values`` on a grid."""
        if not (unseen := self.model.unseen.get(name)):
            return True
        cls = self.registry.get("stream", name)
        try:
            config = cls.Config.model_validate(self.model.stream_settings.get(name, {}))
        except ValidationError:
            return True  # it is told where the model is loaded
        with self.registry.blame(name, "draw what the song says"):
            stream = cls(config)
            return not is_unseen(
                stream, stream.parse(cls.Values.model_validate(values), grid), unseen
            )

    def _check_trained(self, name: str, plan: StreamPlan, keys: Keys, faults: Faults) -> None:
        """Note each item of what a stream is told that the model never met in training."""
        if not plan.values:
            return
        try:
            unmet = self._unmet(name, plan.values)
        except MuzeError as fault:
            faults.add(keys, str(fault))
            return
        for item in unmet:
            named = isinstance(item, str) and len(item) <= LONGEST_NAME
            what = f"{name} {item!r}" if named else f"such {name}"
            told = f"model {self.model.name} met no {what} in training, and would answer with noise"
            instead = " or say it in the prompt" if named else ""
            faults.add(keys, f"{told}; leave it out{instead}")

    def _unmet(self, name: str, values: dict[str, Any]) -> list[Any]:
        """Return the items of what a stream is told that were not met, or the whole of it.

        The whole is None where it is not said in the stream's first field.
        """
        cls = self.registry.get("stream", name)
        said = values.get(cls.primary)
        metre = Metre.parse(self.song.time_signature or "4/4")
        grid = TimeGrid.of_song(SAMPLE_SECONDS, metre=metre)
        found = []
        for item in said if isinstance(said, list) else []:
            alone = {**values, cls.primary: [item]}
            try:
                cls.Values.model_validate(alone)
            except ValidationError:
                break  # the items make sense together
            if item not in found and not self.met(name, alone, grid):
                found.append(item)
        return found or ([] if self.met(name, values, grid) else [said])


def prompt_of(plans: dict[str, StreamPlan]) -> str | None:
    """Return the words said to the stream of the prompt."""
    plan = plans.get("text")
    return None if plan is None or plan.values is None else plan.values.get("prompt")


def _plain(value: Any) -> Any:
    """Return a value of the song as it would stand in the manifest."""
    if isinstance(value, list):
        return [item.model_dump() for item in value]
    return value
