import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muze.core.grid import Metre
from muze.manifest import song_from_options
from muze.pipelines.plan import plan_song
from muze.pipelines.templates import TEMPLATES


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


def test_the_grid_of_a_plan_is_a_song_s(plan):
    grid = plan("prompt: x\nduration: 12.345\n").grid
    assert grid.frames == 1234
    assert grid.song_duration == 12.345
    assert grid.sections[-1].end == 12.345
