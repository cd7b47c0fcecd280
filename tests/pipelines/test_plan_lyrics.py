"""``voice: {lyrics: ...}``: the words of a song, told to the streams of phonemes."""

import json

import pytest

from muze.cli.tables import UNSUNG, show_plan
from muze.core.errors import ManifestError
from muze.core.grid import TimeGrid
from muze.core.registry import Registry
from muze.pipelines.draw import configured
from muze.pipelines.model_info import ModelInfo
from muze.pipelines.plan import Plan, plan_file

pytest.importorskip("gruut")

SONG = "prompt: x\ntempo: 120\n"
SECTIONS = "structure: {sections: [{type: verse, bars: 2}, {type: chorus, bars: 2}]}\n"
WORDS = "[verse] Headlights paint the rain\n[chorus] Drive until the morning"
VOICE = """voice:
  lyrics: |
    [verse] Headlights paint the rain
    [chorus] Drive until the morning
"""
KNOWN = ("text", "section", "position", "energy", "tempo", "key", "loudness", "beat", "chord")


def model(*names, **about):
    return lambda song, registry: ModelInfo(name="tiny", streams=(*KNOWN, *names), **about)


@pytest.fixture
def drawn(registry):
    def drawn(plan, name):
        stream = configured(name, registry, None)
        grid: TimeGrid = plan.grid
        return stream.parse(stream.Values.model_validate(plan.streams[name].values), grid)

    return drawn


def test_the_words_are_told_to_both_streams_of_phonemes(plan, drawn):
    made = plan(SONG + SECTIONS + VOICE)
    words = json.dumps(WORDS)
    said = f"streams:\n  phoneme: {words}\n  phoneme_timestamps: {words}\n"
    long = plan(SONG + SECTIONS + said)
    for name in ("phoneme", "phoneme_timestamps"):
        assert made.streams[name].values == {"lyrics": WORDS}
        assert made.streams[name] == long.streams[name]
        assert made.streams[name].origin == "asked"
    sung = drawn(made, "phoneme_timestamps")["phonemes"][0]
    assert sung[0]
    assert sung[400]  # the chorus begins with its own words
    assert Plan.from_json(made.to_json()) == made


def test_the_language_is_that_of_the_words(plan, faults):
    said = "voice: {lyrics: Drive, language: en}\n"
    assert plan(SONG + said).streams["phoneme"].values == {"lyrics": "Drive", "language": "en"}
    told = faults(SONG + "voice:\n  lyrics: Drive\n  language: enn\n  breath: often\n")
    assert told == [
        "6: voice.language: unknown language 'enn'; did you mean 'en'?",
        "7: voice.breath: must be 'auto', not 'often'",
    ]


def test_a_stream_that_the_song_says_itself_is_left_to_it(plan, faults):
    both = "streams: {phoneme: {ipa: la}}\nvoice: {lyrics: Drive}\n"
    streams = plan(SONG + both).streams
    assert streams["phoneme"].values == {"ipa": "la"}
    assert streams["phoneme_timestamps"].values == {"lyrics": "Drive"}
    full = "streams: {phoneme: la, phoneme_timestamps: {timestamps: []}}\nvoice: {lyrics: Drive}\n"
    assert faults(SONG + full) == [
        "5: voice.lyrics: the words are said already, in streams.phoneme and "
        "streams.phoneme_timestamps; leave one of them out"
    ]


def test_only_what_the_model_knows_is_told(plan):
    made = plan(SONG + VOICE + SECTIONS, find_model=model("phoneme"))
    assert made.streams["phoneme"].values == {"lyrics": WORDS}
    assert "phoneme_timestamps" not in made.streams


def test_a_model_that_was_never_told_words_says_so(faults):
    told = faults(SONG + VOICE + "guidance: {phoneme: 2}\n", find_model=model())
    assert told[0] == (
        "5: voice.lyrics: model tiny cannot be told words: it knows neither phoneme nor "
        f"phoneme_timestamps; it knows {', '.join(KNOWN)}"
    )
    assert told[1].startswith("8: guidance.phoneme: model tiny knows no stream 'phoneme'")


def test_words_that_the_model_never_met_are_refused(faults):
    known = model("phoneme_timestamps", unseen={"phoneme_timestamps": {"phonemes": [2]}})
    (told,) = faults(SONG + "voice: {lyrics: Drive}\n", find_model=known)
    assert told.startswith("4: voice.lyrics: model tiny met no phoneme_timestamps 'Drive' in tra")


def test_words_may_be_guided(plan, faults):
    guided = plan(SONG + "voice: {lyrics: Drive}\nguidance: {phoneme: 2}\n")
    assert guided.guidance["phoneme"] == 2
    told = faults(SONG + "voice: {lyrics: '[vers] la'}\nguidance: {phoneme: 2}\n")
    assert told == ["4: voice.lyrics: unknown type 'vers'; did you mean 'verse'?"]


@pytest.mark.parametrize("names", [("phoneme",), ("phoneme_timestamps",)])
def test_a_section_that_the_song_has_not_is_told_in_planning(faults, names):
    told = faults(SONG + VOICE + SECTIONS.replace("chorus", "bridge"), find_model=model(*names))
    assert told == [
        "5: voice.lyrics: lyrics mark a [chorus], but the song has none; it has verse, bridge"
    ]
    (name,) = names
    where = "lyrics mark a [solo], but the song has none; it has verse, chorus"
    long = f"{SONG}{SECTIONS}streams:\n  {name}:\n    lyrics: '[solo] la'\n"
    assert faults(long) == [f"7: streams.{name}.lyrics: {where}"]
    bare = f"{SONG}{SECTIONS}streams:\n  {name}: '[solo] la'\n"
    assert faults(bare) == [f"6: streams.{name}: {where}"]


def test_the_words_are_shown_with_what_to_expect_of_them(plan, capsys):
    show_plan(plan(SONG + VOICE + SECTIONS), to_stderr=False)
    shown = capsys.readouterr().out.splitlines()
    line = 'phoneme and phoneme_timestamps "[verse] Headlights paint the rain [chorus] Drive until'
    assert any(text.startswith(line) for text in shown)
    assert UNSUNG in shown
    show_plan(plan(SONG), to_stderr=False)
    assert UNSUNG not in capsys.readouterr().out


def test_the_starter_refuses_words(tmp_path, monkeypatch):
    pytest.importorskip("muze_starter")
    from muze.pipelines.model_info import find_model

    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.yaml").write_text(f"muze: 1\n{SONG}{VOICE}")
    with pytest.raises(ManifestError, match="model starter cannot be told words"):
        plan_file(tmp_path / "song.yaml", Registry(), {}, find_model)
