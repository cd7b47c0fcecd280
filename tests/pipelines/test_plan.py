import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muze.analysis.loudness import integrated
from muze.audio.io import write_audio
from muze.core.errors import AudioError, ManifestError, PluginError
from muze.core.grid import Audio, Metre
from muze.core.registry import Registry
from muze.manifest import song_from_options
from muze.pipelines.model_info import ModelInfo, find_model
from muze.pipelines.output import check_output
from muze.pipelines.plan import Plan, plan_file, plan_song, read_plan
from muze.pipelines.templates import TEMPLATES


@pytest.fixture(scope="module")
def registry():
    return Registry()


@pytest.fixture
def plan(tmp_path, monkeypatch, registry):
    monkeypatch.chdir(tmp_path)

    def plan(text, **options):
        (tmp_path / "song.yaml").write_text(f"muze: 1\n{text}")
        return plan_file(tmp_path / "song.yaml", registry, **options)

    return plan


@pytest.fixture
def faults(plan, tmp_path):
    def faults(text, **options):
        with pytest.raises(ManifestError) as told:
            plan(text, **options)
        return str(told.value).replace(f"{tmp_path / 'song.yaml'}:", "").splitlines()

    return faults


def noise(path):
    """Write eight seconds of noise; return how loud it is, in LUFS."""
    samples = 0.1 * np.random.default_rng(0).standard_normal((1, 32000 * 8)).astype(np.float32)
    write_audio(path, Audio(samples, 32000))
    return integrated(Audio(samples, 32000))


def on_bar_lines(plan):
    """Whether sections partition the song and begin on bar lines."""
    lines = np.append(plan.grid.bar_times, plan.duration)
    edges = [plan.sections[0].start, *(section.end for section in plan.sections)]
    joined = all(
        a.end == b.start and a.first_bar + a.bars == b.first_bar
        for a, b in zip(plan.sections[:-1], plan.sections[1:], strict=True)
    )
    return (
        joined
        and edges[0] == 0
        and edges[-1] == plan.duration
        and all(np.abs(lines - edge).min() < 1e-6 for edge in edges)
        and sum(section.bars for section in plan.sections) == plan.num_bars
    )


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    duration=st.floats(3, 600),
    tempo=st.floats(40, 240),
    metre=st.sampled_from(["4/4", "3/4", "6/8", "5/4", "12/8"]),
    template=st.sampled_from(sorted(TEMPLATES)),
    seed=st.integers(0, 2**31),
)
def test_a_template_s_sections_partition_a_song_of_any_length_on_its_bar_lines(
    registry, duration, tempo, metre, template, seed
):
    song = song_from_options(
        {"PROMPT": "music", "--duration": duration, "--template": template, "--seed": seed}
    )
    song = song.model_copy(update={"tempo": tempo, "time_signature": metre})
    plan = plan_song(song, registry)
    assert plan.duration == duration
    assert on_bar_lines(plan)
    bar = Metre.parse(metre).beats_per_bar * 60 / tempo
    assert (plan.num_bars - 1) * bar < duration <= plan.num_bars * bar + 0.011


lengths = st.one_of(
    st.fixed_dictionaries({"bars": st.integers(1, 12)}),
    st.fixed_dictionaries({"seconds": st.floats(4, 30)}),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    parts=st.lists(st.tuples(lengths, st.none() | st.floats(60, 180)), min_size=1, max_size=6),
    tempo=st.floats(70, 180),
)
def test_sections_in_bars_and_seconds_fall_on_bar_lines_at_any_tempo(registry, parts, tempo):
    sections = [
        {"type": "verse", **length, **({"tempo": bpm} if bpm else {})} for length, bpm in parts
    ]
    song = song_from_options({"PROMPT": "music"})
    song = type(song).model_validate(
        {"muze": 1, "prompt": "x", "tempo": tempo, "structure": {"sections": sections}}
    )
    plan = plan_song(song, registry)
    assert on_bar_lines(plan)
    for section, (length, bpm) in zip(plan.sections, parts, strict=True):
        assert section.bpm == pytest.approx(bpm or tempo)
        assert length.get("bars", section.bars) == section.bars


def test_sections_in_seconds_alone_last_as_long_as_they_say(plan):
    planned = plan(
        "prompt: x\ntempo: 117\nstructure:\n  sections:\n"
        + "".join(f"  - {{type: verse, seconds: {s}}}\n" for s in (4, 8, 8, 6, 4))
    )
    assert planned.duration == 30
    assert on_bar_lines(planned)
    asked = np.cumsum([4, 8, 8, 6])
    ends = [section.end for section in planned.sections[:-1]]
    assert np.abs(ends - asked).max() <= 4 * 60 / 117 / 2


def test_a_tempo_map_by_bar_becomes_the_grid_s(plan):
    planned = plan(
        "prompt: x\nbars: 20\ntempo: [{bar: 1, bpm: 120}, {bar: 17, bpm: 60}]\n"
        "time_signature: 3/4\n"
    )
    assert [(mark.beat, mark.bpm) for mark in planned.tempo] == [(0, 120), (48, 60)]
    assert planned.duration == pytest.approx(16 * 1.5 + 4 * 3)
    assert planned.grid.metre == Metre(3, 4)


def test_a_section_s_tempo_holds_for_that_section_alone(plan):
    planned = plan(
        "prompt: x\ntempo: 120\nstructure:\n  sections:\n"
        "  - {type: intro, bars: 2}\n  - {type: verse, bars: 2, tempo: 60}\n"
        "  - {type: outro, bars: 2}\n"
    )
    assert [(mark.beat, mark.bpm) for mark in planned.tempo] == [(0, 120), (8, 60), (16, 120)]
    assert [section.end for section in planned.sections] == [4, 12, 16]
    assert planned.streams["tempo"].origin == "asked"


def test_nothing_said_is_thirty_seconds_decided_by_seed_and_words(plan):
    planned = plan("prompt: sleepy lo-fi hip hop waltz\nseed: 3\n")
    assert planned.duration == 30
    assert planned.time_signature == "3/4"
    assert 70 <= planned.tempo[0].bpm <= 88
    assert planned.streams["genre"].values == {"names": ["lo-fi hip hop", "waltz"]}
    assert set(planned.streams) == {
        "beat", "genre", "key", "loudness", "position", "section", "tempo", "text",
    }  # fmt: skip
    assert all({"chord", "energy"} <= set(section.streams) for section in planned.sections)
    assert planned.origins == {
        "seed": "asked", "tempo": "decided", "key": "decided", "time_signature": "decided",
        "structure": "decided", "duration": "decided",
    }  # fmt: skip
    assert plan("prompt: sleepy lo-fi hip hop waltz\nseed: 3\n") == planned
    assert plan("prompt: sleepy lo-fi hip hop waltz\nseed: 4\n").key != planned.key


def test_a_seed_that_is_not_given_is_drawn_and_kept(plan):
    first, second = (plan("prompt: x\n") for _ in range(2))
    assert first.seed != second.seed
    assert first.origins["seed"] == "decided"


def test_what_a_prompt_s_words_name_decides_and_the_manifest_wins_over_it(plan):
    planned = plan("prompt: techno at 132 bpm in F# minor\nkey: C major\n")
    assert (planned.tempo[0].bpm, planned.key) == (132, "C major")
    assert (planned.origins["tempo"], planned.origins["key"]) == ("decided", "asked")
    assert planned.streams["tempo"].origin == "decided"


def test_chords_are_shown_bar_by_bar(plan):
    planned = plan(
        "prompt: x\ntempo: 120\nstructure:\n  sections:\n"
        "  - {type: verse, bars: 3}\n"
        "  - {type: solo, bars: 2, streams: {chord: {progression: [C, G], beats_per_chord: 2}}}\n"
        "  - {type: outro, bars: 2, streams: {chord: {progression: [Em], beats_per_chord: 8}}}\n"
        "streams: {chord: [Amin, F]}\n"
    )
    assert [section.chords for section in planned.sections] == [
        ("Am", "F", "Am"), ("C G", "C G"), ("Em", "Em"),
    ]  # fmt: skip
    assert "chord" not in planned.sections[0].streams


def test_decided_chords_are_in_the_key_heard_for_their_section(plan, tmp_path, monkeypatch):
    noise(tmp_path / "hum.wav")
    monkeypatch.setattr("muze.pipelines.asked.heard_fields", lambda *told: {"key": "F# major"})
    planned = plan(
        "prompt: pop\nkey: C major\nstructure:\n  sections:\n"
        "  - {type: verse, bars: 4}\n"
        "  - {type: bridge, bars: 4, streams: {key: {from: hum.wav}}}\n"
    )
    assert [section.key for section in planned.sections] == ["C major", "F# major"]
    roots = {str(chord).rstrip("m") for chord in planned.sections[1].chords}
    assert roots <= {"F#", "G#", "A#", "B", "C#", "D#", "Gb", "Ab", "Bb", "Db", "Eb", "E#", "F"}


def test_decided_chords_are_in_the_section_s_key(plan):
    planned = plan(
        "prompt: pop\nstructure:\n  sections:\n"
        "  - {type: verse, bars: 4, key: C major}\n  - {type: verse, bars: 4, key: F# major}\n"
    )
    assert planned.sections[0].chords != planned.sections[1].chords
    assert planned.sections[1].streams["chord"].origin == "decided"
    assert planned.sections[1].streams["key"].origin == "asked"
    assert planned.sections[1].key == "F# major"


def test_a_section_says_more_than_the_song(plan):
    planned = plan(
        "prompt: x\nstructure:\n  sections:\n"
        "  - {type: verse, bars: 2, energy: [0.1, 0.9], genre: jazz, prompt: solo piano}\n"
    )
    streams = planned.sections[0].streams
    assert streams["genre"].origin == "asked"
    assert streams["text"].values == {"prompt": "solo piano"}
    assert planned.streams["text"].values == {"prompt": "x"}
    assert planned.sections[0].prompt == "solo piano"


def test_a_plan_survives_its_file(plan, tmp_path, registry):
    planned = plan(
        "prompt: café\ntitle: T\ntempo: [{bar: 1, bpm: 100}]\nbars: 8\n"
        "structure: {template: loop}\nsampler: {name: ddim, eta: 0.5}\n"
    )
    (tmp_path / "x.plan.json").write_text(planned.to_json())
    again = read_plan(tmp_path / "x.plan.json")
    assert again == planned
    assert again.to_json() == planned.to_json()
    assert again.grid == planned.grid
    assert "café" in planned.to_json()
    assert again.manifest is not None
    assert set(again.plugins) == {*again.streams, "energy", "chord", "ddim"}


def test_what_is_no_plan_is_told(tmp_path):
    (tmp_path / "x.json").write_text('{"format": 2}')
    for path, told in (
        (tmp_path / "x.json", "is no plan"),
        (tmp_path / "y.json", "cannot be read"),
    ):
        with pytest.raises(ManifestError, match=told):
            read_plan(path)
    with pytest.raises(ManifestError, match="is no plan"):
        Plan.from_json("{")


def test_faults_of_the_file_and_of_the_plan_are_told_at_once(faults, tmp_path):
    assert faults(
        """prompt: x
promt: y
structure: {template: verse_chrous}
streams:
  chrod: [Am]
  chord:
    progression: [Am, H]
  genre: polka
  energy: {value: 3}
guidance: {all: 4, cord: 2}
sampler: {name: ddmi}
vocoder: {name: vocos, dimension: 3}
voice: {backend: kokoro}
output: {path: song.wave}
"""
    ) == [
        "3: promt: unknown key; did you mean 'prompt'?",
        "4: structure.template: there is no template 'verse_chrous'; did you mean 'verse_chorus'?",
        "6: streams.chrod: stream 'chrod' is not installed; did you mean 'chord'?",
        "8: streams.chord.progression.1: unknown chord 'H'; write it like C, Am7, F#m7b5, G/B or N",
        "9: streams.genre: unknown genre 'polka'; did you mean 'folk'?",
        "10: streams.energy.value: must be less than or equal to 1, not 3",
        "11: guidance.cord: stream 'cord' is not installed; did you mean 'chord'?",
        "12: sampler.name: sampler 'ddmi' is not installed; did you mean 'ddpm'?",
        "13: vocoder.dimension: unknown key; did you mean 'dim'?",
        "14: voice: singing is not in this version of muze; take voice out of the song",
        f"15: output.path: {tmp_path / 'song.wave'}: cannot write .wave; "
        "end its name in .wav, .flac, .ogg, .mp3; did you mean '.wav'?",
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "prompt: x\nduration: 10\nstructure: {sections: [{type: solo, bars: 8}]}\ntempo: 120",
            "3: duration: says 10 s, but the sections take 16.00 s (8 bars); "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\nduration: 30\nbars: 4\ntempo: 120",
            "3: duration: says 30 s, but 4 bars take 8.00 s (4 bars); "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\nbars: 9\nstructure: {sections: [{type: solo, bars: 8}]}",
            "3: bars: says 9, but the sections take 8 bars",
        ),
        (
            "prompt: x\nduration: 60\nstructure: {sections: [{type: solo, seconds: 30}]}\n"
            "tempo: 120",
            "3: duration: says 60 s, but the sections take 30.00 s (15 bars); "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\ntempo: 60\nstructure:\n  sections:\n  - {type: solo, seconds: 1}\n"
            "  - {type: solo, bars: 2}",
            "6: structure.sections.0.seconds: 1 s leaves it without a bar line; a bar lasts 4.00 s",
        ),
        (
            "prompt: x\ntempo: [{bar: 1, bpm: 100}, {bar: 99, bpm: 90}]\nbars: 8",
            "3: tempo.1: changes at bar 99, but the song has 8 bars",
        ),
        ("prompt: x\nbars: 9000\ntempo: 120", "3: bars: 9000 bars take 18000.00 s; a song lasts"),
        ("prompt: x at 900 bpm", "2: prompt: 900 bpm is no tempo; it must be 20 to 400"),
        (
            "prompt: x\nstructure: {sections: [{type: solo, bars: 2, streams: {loudness: -9}}]}",
            "3: structure.sections.0.streams.loudness: loudness holds for the whole song; "
            "say it there",
        ),
        (
            "prompt: x\nstreams: {beat: {positions: [0, 0.5, 1, 1.5, 2]}}\ntempo: 120",
            "3: streams.beat: positions already say the tempo; leave one of them out",
        ),
        (
            "prompt: x\noutput: {path: ../out.wav}",
            "leaves the folder",
        ),
        ("prompt: x\noutput: {path: gone/out.wav}", "there is no folder"),
        ("prompt: x\nstreams: {ddim: 3}", "3: streams.ddim: plugin ddim"),
        (
            "prompt: x\nstreams: {chord: }",
            "3: streams.chord: is empty; give its values, or take it out",
        ),
        (
            "prompt: x\nsampler: {name: dpmpp, eta: 0.5}",
            "3: sampler.eta: unknown key; known are name, steps",
        ),
        (
            "prompt: x\nstreams: {text: {form: hum.wav}, chord: {form: hum.wav}}",
            "3: streams.chord.form: unknown key; did you mean 'from'?",
        ),
        (
            "prompt: x\nnegative_prompt: y\nguidance: {all: 1}",
            "3: negative_prompt: does nothing where guidance.all is 1; raise that, or leave this",
        ),
        (
            "prompt: x\nguidance: {genre: 2}",
            "3: guidance.genre: this song says nothing of genre; say it under streams, or leave "
            "this out",
        ),
        (
            "prompt: x\noutput: {stems: true}",
            "3: output.stems: no model has stems to write yet; take it out",
        ),
        (
            "prompt: x\noutput: {loudness: -14}\nstreams: {loudness: -30}",
            "3: output.loudness: says -14 LUFS, but streams.loudness asks for -30.0; "
            "leave one of them out, or make them agree",
        ),
        (
            "prompt: x\nstreams: {loudness: -60}",
            "3: streams.loudness: asks for -60 LUFS; a file may have -50 to -5",
        ),
        (
            "prompt: x\nstreams: {energy: true}",
            "3: streams.energy: must be a number, not true",
        ),
        ("prompt: x\nstreams: {energy: '0.5'}", "must be a number, not '0.5'"),
        ("prompt: x\nstreams: {tempo: '120'}", "3: streams.tempo: must be a number, not '120'"),
        ("prompt: x\nstreams: {loudness: .nan}", "must be a finite number, not nan"),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: true}}",
            "3: streams.chord.beats_per_chord: must be a number, not true",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: '4'}}",
            "3: streams.chord.beats_per_chord: must be a number, not '4'",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: .inf}}",
            "3: streams.chord.beats_per_chord: must be a finite number, not inf",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: 0.00000001}}",
            "3: streams.chord.beats_per_chord: must be greater than or equal to 0.0625, not 1e-08",
        ),
        (
            "prompt: x\nstreams: {chord: {progression: [C], beats_per_chord: 1025}}",
            "3: streams.chord.beats_per_chord: must be less than or equal to 1024, not 1025",
        ),
        ("prompt: x\nvocoder: {name: griffin_lim, num_iters: '9'}", "must be an integer, not '9'"),
        (
            "prompt: x\nstreams: {beat: {positions: [0, .inf]}}",
            "3: streams.beat.positions.1: must be a finite number, not inf",
        ),
        (
            "prompt: x\nstreams: {beat: {positions: [0, 100, 200]}}",
            "3: streams.beat.positions: from 0 to 100 s is no beat; beats rise by 0.15 to 3 s",
        ),
        (
            "prompt: x\nstructure: {sections: [{type: solo, bars: 2, "
            "streams: {beat: {positions: [0, 0.5, 1]}}}]}",
            "3: structure.sections.0.streams.beat: beat holds for the whole song; say it there",
        ),
        (
            'prompt: x\noutput: {path: "a\\0b.wav"}',
            r"3: output.path: 'a\x00b.wav' holds a character that no file's name has",
        ),
        (f"prompt: x\noutput: {{path: {'a' * 300}.wav}}", "wav: its name is 74 letters too long"),
        # its .adherence.json would be too long
        (f"prompt: x\noutput: {{path: {'a' * 230}.wav}}", "wav: its name is 4 letters too long"),
        (f"prompt: x\noutput: {{path: {'a/' * 3000}a.wav}}", "wav: there is no folder"),
    ],
)
def test_each_impossible_wish_is_told(faults, text, told):
    assert any(told in line for line in faults(text))


def test_bars_and_duration_that_agree_are_welcome(plan):
    assert plan("prompt: x\nbars: 4\nduration: 8\ntempo: 120\n").duration == 8
    assert plan("prompt: x\nbars: 4\nduration: 7.1\ntempo: 120\n").num_bars == 4
    assert plan("prompt: x\nbars: 16\nduration: 32.54\ntempo: 118\n").num_bars == 16


def test_given_beats_become_the_tempo_map(plan):
    planned = plan(
        "prompt: x\nbars: 3\ntime_signature: 3/4\n"
        "streams: {beat: {positions: [0, 0.5, 1, 1.5, 2.1, 2.8, 3.5]}}\n"
    )
    assert [mark.bpm for mark in planned.tempo] == pytest.approx([120, 90])
    assert planned.origins["tempo"] == "asked"


def test_a_model_s_streams_are_the_only_ones(plan, faults):
    known = ModelInfo(name="tiny", streams=("text", "chord"), guidance={"all": 3.0})
    planned = plan("prompt: jazz\n", find_model=lambda song, registry: known)
    assert set(planned.streams) == {"text"}
    assert planned.guidance == {"all": 3.0}
    assert set(planned.sections[0].streams) == {"chord"}
    assert faults(
        "prompt: x\nkey: C\nstreams: {genre: jazz}\nguidance: {tempo: 2}\n",
        find_model=lambda song, registry: known,
    ) == [
        "3: key: model tiny knows no stream 'key'; it knows text, chord",
        "4: streams.genre: model tiny knows no stream 'genre'; it knows text, chord",
        "5: guidance.tempo: model tiny knows no stream 'tempo'; it knows text, chord",
    ]


def test_a_model_that_is_not_there_is_a_fault_of_the_manifest(faults):
    def find(song, registry):
        raise PluginError(f"model {song.model!r} is not installed")

    assert faults("prompt: x\nmodel: stater\nduration: 0\n", find_model=find) == [
        "3: model: model 'stater' is not installed",
        "4: duration: must be greater than or equal to 1, not 0",
    ]


def test_guidance_sampler_and_steps_are_resolved(plan):
    planned = plan(
        "prompt: x\nguidance: {all: 4, chord: 2}\nsampler: {name: ddpm, steps: 9}\n"
        "vocoder: {name: vocos, dim: 64}\n"
    )
    assert planned.guidance == {"all": 4, "chord": 2}
    assert (planned.sampler.name, planned.num_steps) == ("ddpm", 9)
    assert planned.vocoder is not None
    assert planned.vocoder.config == {"dim": 64}
    default = plan("prompt: x\n")
    assert (default.sampler.name, default.sampler.config, default.num_steps) == (
        "ddim", {"eta": 0.0}, 50,
    )  # fmt: skip
    assert default.guidance == {"all": 7.5}
    assert default.vocoder is None


@pytest.mark.parametrize("stream", ["genre", "text", "section", "position"])
def test_what_no_recording_tells_is_not_taken_from_one(faults, tmp_path, stream):
    noise(tmp_path / "hum.wav")
    prompt = "" if stream == "text" else "prompt: x\n"
    (told,) = faults(f"{prompt}seed: 1\nstreams:\n  {stream}:\n    from: hum.wav\n")
    assert (
        f": streams.{stream}.from: {stream} cannot be heard in a recording; say it in val" in told
    )


def test_a_song_is_never_written_over_what_it_reads(plan, faults, tmp_path):
    noise(tmp_path / "song.wav")
    heard = "prompt: x\nstreams: {chord: {from: song.wav}}\n"
    lost = (
        f"{tmp_path / 'song.wav'} is read here and would be written over; give output another path"
    )
    assert faults(heard) == [f"3: streams.chord.from: {lost}"]
    assert faults(heard + "output: {path: song.wav}\n") == [f"4: output.path: {lost}"]
    told = faults(heard, options={"--output": "./song.wav"})
    assert told == [f"--output: {lost}"]
    assert plan(heard + "output: {path: other.wav}\n").output.format == "wav"
    # what is written beside the song counts, and so does a section's recording
    (tmp_path / "hum.png").symlink_to(tmp_path / "song.wav")
    (told,) = faults(
        "prompt: x\nstructure:\n  sections:\n"
        "  - {type: solo, bars: 2, streams: {chord: {from: hum.png}}}\noutput: {path: hum.wav}\n"
    )
    assert told.startswith("6: output.path: ")
    assert "would be written over" in told


def test_a_song_is_never_written_over_its_manifest(tmp_path, monkeypatch, registry):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "song.plan.json"
    path.write_text('{"muze": 1, "prompt": "x", "output": {"path": "song.wav"}}')
    with pytest.raises(ManifestError, match=r"plan\.json:1: output\.path: .* is read here"):
        plan_file(path, registry)


def test_a_tempo_map_out_of_order_is_told_once(faults):
    assert faults("prompt: x\ntempo:\n- {bar: 1, bpm: 90}\n- {bar: 1, bpm: 99}\n") == [
        "5: tempo.1.bar: must come after bar 1"
    ]


def test_the_prompt_is_the_short_form_of_the_text(plan):
    planned = plan(
        "streams: {text: {prompt: techno at 133 bpm}}\nstructure:\n  sections:\n"
        "  - {type: solo, bars: 2, streams: {text: piano}}\n"
        "  - {type: solo, bars: 2, prompt: bass}\n"
    )
    assert (planned.prompt, planned.tempo[0].bpm) == ("techno at 133 bpm", 133)
    assert planned.streams["genre"].values == {"names": ["techno"]}
    assert planned.streams["text"].values == {"prompt": "techno at 133 bpm"}
    assert [section.prompt for section in planned.sections] == ["piano", "bass"]
    assert Plan.from_json(planned.to_json()) == planned


def test_a_prompt_longer_than_the_language_model_reads_is_a_fault(faults):
    assert faults(f"prompt: {'dog ' * 300}\nnegative_prompt: {'cat ' * 300}\n") == [
        "2: prompt: a prompt of 302 word pieces; MiniLM reads 256 at most, so shorten it",
        "3: negative_prompt: a prompt of 302 word pieces; MiniLM reads 256 at most, so shorten it",
    ]


def test_a_negative_prompt_needs_a_model_that_reads(plan, faults):
    deaf = ModelInfo(name="tiny", streams=("chord",), guidance={"all": 3.0})
    assert plan("prompt: x\n", find_model=lambda *_: deaf).prompt == "x"
    (told,) = faults("prompt: x\nnegative_prompt: y\n", find_model=lambda *_: deaf)
    assert told.startswith("3: negative_prompt: model tiny knows no stream 'text'")


def test_the_file_is_as_loud_as_the_stream_asks(plan, tmp_path):
    assert plan("prompt: x\n").output.loudness == -14
    assert plan("prompt: x\nstreams: {loudness: -30}\n").output.loudness == -30
    curve = "prompt: x\nstreams: {loudness: {curve: [-20, -10]}}\n"
    assert plan(curve).output.loudness == pytest.approx(-14.08)
    assert plan(curve + "output: {loudness: -14.1}\n").output.loudness == -14.1
    level = noise(tmp_path / "hum.wav")
    planned = plan("prompt: x\nduration: 4\nstreams: {loudness: {from: hum.wav}}\n")
    assert planned.output.loudness == pytest.approx(level, abs=0.1)


def test_a_stream_that_is_asked_for_is_guided_as_it_says_itself(plan):
    assert plan("prompt: x\n").guidance == {"all": 7.5}  # its chords are decided
    assert plan("prompt: x\nstreams: {chord: [C]}\n").guidance == {"all": 7.5, "chord": 2.0}
    section = "structure: {sections: [{type: verse, bars: 4, streams: {chord: [C]}}]}\n"
    assert plan(f"prompt: x\n{section}").guidance == {"all": 7.5, "chord": 2.0}
    said = plan("prompt: x\nstreams: {chord: [C]}\nguidance: {chord: 0}\n")
    assert said.guidance == {"all": 7.5, "chord": 0}


def test_guidance_of_what_a_section_says_is_welcome(plan, faults):
    said = (
        "prompt: x\nstructure: {sections: [{type: solo, bars: 2, genre: GENRE}]}\n"
        "guidance: {genre: 2, chord: 1, brightness: 0}\n"
    )
    assert plan(said.replace("GENRE", "jazz")).guidance["genre"] == 2
    (told,) = faults(said.replace("GENRE", "jaz"))  # and no other, since it is said
    assert "unknown genre 'jaz'" in told


@pytest.fixture
def trained(tmp_path):
    """Write the header of a model that reads prompts and chords; return a song that names it."""

    def trained(**parts):
        streams = {"text": {}, "chord": {}}
        about = {name: {"feature_version": 1, "from": "muze"} for name in streams}
        denoiser = {"settings": {"streams": streams, "guidance": 2.5}, "streams": about}
        written = {
            name: {"file": f"{name}.safetensors", "sha256": "0", **part}
            for name, part in {"denoiser": denoiser, **parts}.items()
        }
        (tmp_path / "tiny").mkdir(exist_ok=True)
        header = {"muze_model": 1, "parts": written}
        (tmp_path / "tiny" / "muze.json").write_text(json.dumps(header))
        return "prompt: x\nmodel: tiny\n"

    return trained


def test_a_vocoder_without_weights_is_told_in_planning(plan, faults, trained):
    song = trained()
    assert plan(song, find_model=find_model).vocoder.name == "griffin_lim"
    assert faults(song + "vocoder: {name: vocos}\n", find_model=find_model) == [
        "4: vocoder.name: vocoder vocos needs weights and this model has none; use griffin_lim"
    ]


def test_a_vocoder_s_weights_fix_its_settings(plan, faults, trained):
    song = trained(vocoder={"name": "vocos", "settings": {"dim": 64, "num_layers": 2}})
    assert plan(song, find_model=find_model).vocoder.name == "vocos"
    assert plan(song + "vocoder: {name: vocos, dim: 64}\n", find_model=find_model)
    (told,) = faults(song + "vocoder: {name: vocos, dim: 128}\n", find_model=find_model)
    assert told.startswith("4: vocoder.dim: is 64 in the weights of model ")
    assert plan(song + "vocoder: {name: griffin_lim, num_iters: 3}\n", find_model=find_model)
    song = trained(vocoder={"name": "vocos", "settings": {"width": 64}})
    (told,) = faults(song, find_model=find_model)
    assert told.startswith("3: model: model ")
    assert "the settings of its vocoder vocos are wrong: width: " in told


def test_a_model_s_name_that_none_can_have_is_told(faults):
    for name in ("a" * 300, "my models/x"):
        (told,) = faults(f"prompt: x\nmodel: {name}\n", find_model=find_model)
        assert told.startswith("3: model: ")


def test_a_broken_recording_is_a_fault_of_the_manifest(faults, tmp_path):
    (tmp_path / "hum.wav").write_text("no sound at all")
    (told,) = faults("prompt: x\nstreams:\n  chord:\n    from: hum.wav\n")
    assert told.startswith("5: streams.chord.from: ")
    assert "is no sound" in told


def test_a_recording_is_known_by_its_hash(plan, tmp_path):
    write_audio(tmp_path / "hum.wav", Audio(np.zeros((1, 32000), np.float32), 32000))
    planned = plan("prompt: x\nstreams: {chord: {from: hum.wav}}\n")
    recording = planned.streams["chord"].recording
    assert recording is not None
    assert recording.path == str(tmp_path / "hum.wav")
    assert len(recording.sha256) == 64
    assert planned.sections[0].chords == ()


def test_a_tempo_is_taken_from_a_recording(plan, faults, tmp_path):
    rate, bpm = 32000, 120
    clicks = np.zeros(rate * 10, np.float32)
    for beat in range(20):
        at = beat * rate * 60 // bpm
        clicks[at : at + 400] = np.hanning(400) * np.sin(np.arange(400) * 0.3)
    write_audio(tmp_path / "clicks.wav", Audio(clicks[None], rate))
    planned = plan("prompt: x\nstreams: {tempo: {from: clicks.wav}}\n")
    assert planned.tempo[0].bpm == pytest.approx(120, rel=0.03)
    write_audio(tmp_path / "hush.wav", Audio(np.zeros((1, rate * 4), np.float32), rate))
    (told,) = faults("prompt: x\nstreams: {tempo: {from: hush.wav}}\n")
    assert "lets no tempo be heard" in told
    (told,) = faults(
        "prompt: x\nstructure:\n  sections:\n  - type: solo\n    bars: 2\n    streams:\n"
        "      tempo: {from: hush.wav}\n"
    )
    assert told.startswith("8: structure.sections.0.streams.tempo: ")
    assert "lets no tempo be heard" in told


def test_the_output_is_beside_the_manifest_or_where_the_option_says(plan, tmp_path):
    (tmp_path / "deep").mkdir()
    assert plan("prompt: x\n").output.path == str(tmp_path / "song.wav")
    planned = plan("prompt: x\noutput: {path: deep/a.flac, loudness: -20}\n")
    assert planned.output.path == str(tmp_path / "deep" / "a.flac")
    assert (planned.output.format, planned.output.loudness) == ("flac", -20)
    assert planned.streams["loudness"].values == {"value": -20}
    assert planned.streams["loudness"].origin == "asked"
    outside = str(tmp_path.parent / "b.ogg")
    assert plan("prompt: x\n", options={"--output": outside}).output.path == outside


def test_an_output_that_cannot_be_written_is_told_before_anything(tmp_path, monkeypatch):
    check_output(tmp_path / "a.wav")
    (tmp_path / "b.wav").mkdir()
    for path, told in (
        (tmp_path / "b.wav", "is a folder"),
        (tmp_path / "no" / "a.wav", "there is no folder"),
    ):
        with pytest.raises(ManifestError, match=told):
            check_output(path)
    with pytest.raises(AudioError, match="cannot write"):
        check_output(tmp_path / "a.txt")
    monkeypatch.setattr("os.access", lambda path, mode: False)
    with pytest.raises(ManifestError, match="not writable"):
        check_output(tmp_path / "a.wav")


def test_planning_changes_nothing_and_needs_no_torch(tmp_path):
    import subprocess
    import sys

    (tmp_path / "song.yaml").write_text("muze: 1\nprompt: jazz\nstreams: {chord: [Am]}\n")
    code = (
        "import sys; from pathlib import Path; from muze.core.registry import Registry;"
        "from muze.pipelines.plan import plan_file;"
        "plan_file(Path('song.yaml'), Registry()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["song.yaml"]


def test_the_grid_of_a_plan_is_a_song_s(plan):
    grid = plan("prompt: x\nduration: 12.345\n").grid
    assert grid.frames == 1234
    assert grid.song_duration == 12.345
    assert grid.sections[-1].end == 12.345
