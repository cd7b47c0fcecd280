import pytest

from muze.core.errors import DatasetError
from muze.pipelines.composition import (
    Composition,
    PlannedSection,
    composition_of,
    shortest_loop,
    transposed,
)

BAR = 2.0  # seconds, at 120 BPM in 4/4


def track(**changes):
    symbols = ["Am", "F", "C", "G"] * 2 + ["Dm7", "E7"] * 2
    return {
        "audio_path": "a.wav", "duration": 12 * BAR, "tempo": 120.0, "time_signature": "4/4",
        "key": "A minor", "genre": ["lofi", "jazz"],
        "downbeat_positions": [BAR * bar for bar in range(12)],
        "chords": [
            {"chord": name, "start": BAR * bar, "end": BAR * (bar + 1)}
            for bar, name in enumerate(symbols)
        ],
        "segments": [
            {"type": "verse", "start": 0.0, "end": 4 * BAR, "energy": 0.25},
            {"type": "verse", "start": 4 * BAR, "end": 8 * BAR, "energy": 0.5},
            {"type": "outro", "start": 8 * BAR, "end": 12 * BAR},
        ],
        **changes,
    }  # fmt: skip


def test_a_record_tells_a_plan_with_chords_as_in_c():
    assert composition_of(track()) == Composition(
        "lo-fi hip hop", "4/4", 120.0, "minor", 9,
        (PlannedSection("verse", 4, 0.25), PlannedSection("verse", 4, 0.5),
         PlannedSection("outro", 4, None)),
        {"verse": ("Cm", "G#", "D#", "A#"), "outro": ("Fm7", "G7")},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("field", "lost"),
    [
        ("genre", {"genre"}),
        ("time_signature", {"time_signature"}),
        ("key", {"mode", "tonic", "loops"}),
        ("chords", {"loops"}),
    ],
)
def test_what_a_record_lacks_is_not_known(field, lost):
    told, whole = composition_of(track(**{field: None})), composition_of(track())
    differ = {n for n in Composition.__dataclass_fields__ if getattr(told, n) != getattr(whole, n)}
    assert differ == lost


def test_without_downbeats_bars_are_counted_by_the_tempo():
    told = composition_of(track(downbeat_positions=None))
    assert [part.bars for part in told.sections] == [4, 4, 4]
    nothing = composition_of(track(downbeat_positions=None, tempo=None))
    assert [part.bars for part in nothing.sections] == [None] * 3
    assert nothing.num_bars is None
    assert nothing.loops == {}


def test_a_record_without_sections_is_one_of_no_known_type():
    told = composition_of(track(segments=None))
    assert told.sections == (PlannedSection(None, 12, None),)
    assert told.loops == {None: shortest_loop(["Cm", "G#", "D#", "A#"] * 2 + ["Fm7", "G7"] * 2)}


def test_sections_begin_on_the_bar_line_next_to_their_start():
    segments = [{"type": "intro", "start": 0.7, "end": 5.2}, {"type": "solo", "start": 5.2,
                "end": 23.4}, {"type": "outro", "start": 23.4, "end": 23.9}]  # fmt: skip
    told = composition_of(track(segments=segments))
    assert [(part.type, part.bars) for part in told.sections] == [("intro", 3), ("solo", 9)]


def test_of_a_bar_s_chords_the_longest_counts_and_a_gap_is_no_chord():
    chords = [{"chord": "C/E", "start": 0.0, "end": 0.8}, {"chord": "G", "start": 0.8, "end": 2.0}]
    segments = [{"type": "verse", "start": 0.0, "end": 4.0}]
    told = composition_of(track(chords=chords, key="C major", segments=segments))
    assert told.loops == {"verse": ("G", "N")}


def test_energy_is_the_curve_s_where_the_section_does_not_tell():
    curve = [0.0] * 16 + [1.0] * 4 + [0.5] * 4
    told = composition_of(track(energy_curve=curve))
    assert [part.energy for part in told.sections] == [0.25, 0.5, 0.75]


def test_a_part_of_a_song_has_its_loops_alone():
    part = composition_of(track()).part(2, 3)
    assert [section.type for section in part.sections] == ["outro"]
    assert set(part.loops) == {"outro"}


def test_chords_go_up_without_their_bass():
    assert transposed("G#m7b5/B", 5) == "C#m7b5"
    assert transposed("N", 5) == "N"


def test_a_chord_that_is_none_is_told():
    chords = [{"chord": "H7", "start": 0.0, "end": 24.0}]
    with pytest.raises(DatasetError, match=r"a\.wav: unknown chord 'H7'"):
        composition_of(track(chords=chords))
