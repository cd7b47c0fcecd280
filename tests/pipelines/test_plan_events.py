from hypothesis import given, settings
from hypothesis import strategies as st

from muze.core.grid import SECTION_TYPES
from muze.core.theory import MODES, QUALITIES, ROOTS
from muze.pipelines.composition import Composition, PlannedSection, shortest_loop
from muze.pipelines.plan_events import HEADER, KINDS, Events, Vocabulary, events_of, song_of
from muze.pipelines.plan_grammar import UNKNOWN, Telling

EVENTS = Events()
CHORDS = [f"{root}{quality}" for root in ROOTS for quality in QUALITIES] + ["N"]


def maybe(strategy):
    return st.none() | strategy


@st.composite
def songs(draw, whole=False):
    """Songs that events tell exactly; with ``whole`` nothing is unknown."""
    known = (lambda strategy: strategy) if whole else maybe
    v, tempi = EVENTS.vocabulary, EVENTS.kinds["tempo"].values
    section = st.builds(
        PlannedSection,
        known(st.sampled_from(SECTION_TYPES)),
        known(st.integers(1, v.longest_section)),
        known(st.sampled_from(EVENTS.kinds["energy"].values)),
    )
    sections = tuple(draw(st.lists(section, min_size=1, max_size=6)))
    loops = {}
    for name in {part.type for part in sections}:
        bars = [part.bars for part in sections if part.type == name]
        most = 16 if None in bars else min(16, max(bars))
        loop = draw(known(st.lists(st.sampled_from(CHORDS), min_size=1, max_size=most)))
        if loop is not None:
            loops[name] = shortest_loop(loop)
    return Composition(
        draw(known(st.sampled_from(v.genres))), draw(known(st.sampled_from(v.metres))),
        draw(known(st.sampled_from(tempi))), draw(known(st.sampled_from(sorted(MODES)))),
        draw(known(st.integers(0, 11))), sections, loops,
    )  # fmt: skip


@given(songs())
@settings(deadline=None)
def test_a_song_survives_its_events(song):
    row = events_of(song, EVENTS)
    assert song_of(row, EVENTS) == song
    assert events_of(song_of(row, EVENTS), EVENTS) == row


@given(songs(whole=True))
@settings(deadline=None)
def test_the_grammar_takes_every_song(song):
    telling = Telling(EVENTS, song.num_bars)
    for event in events_of(song, EVENTS):
        assert telling.allowed()[event]
        telling.push(event)
    assert telling.kind is None


@given(st.integers(1, 300), st.randoms(use_true_random=False))
@settings(deadline=None, max_examples=50)
def test_whatever_the_grammar_allows_is_a_plan(num_bars, random):
    telling, row = Telling(EVENTS, num_bars), []
    while telling.kind is not None:
        allowed = [event for event, may in enumerate(telling.allowed()) if may]
        assert allowed
        row.append(random.choice(allowed))
        telling.push(row[-1])
    song = song_of(row, EVENTS)
    assert song.num_bars == num_bars
    assert None not in (song.genre, song.time_signature, song.tempo, song.mode, song.tonic)
    longest = {
        p.type: max(q.bars for q in song.sections if q.type == p.type) for p in song.sections
    }
    assert song.loops.keys() == longest.keys()
    assert all(len(loop) <= min(16, longest[name]) for name, loop in song.loops.items())


def test_kinds_lie_side_by_side_and_say_where_they_end():
    assert tuple(EVENTS.kinds) == KINDS
    assert KINDS[:5] == HEADER
    first = 0
    for name, kind in EVENTS.kinds.items():
        assert kind.first == first
        first = kind.null + 1 + (name in ("section", "chord"))
    assert EVENTS.start == first
    assert EVENTS.count == first + 1


def test_numbers_go_to_the_nearest_event_and_strange_names_are_not_known():
    assert EVENTS.of("tempo", 1.0) == EVENTS.kinds["tempo"].first
    assert EVENTS.of("tempo", 399) == EVENTS.kinds["tempo"].null - 1
    assert EVENTS.of("bars", 900) == EVENTS.of("bars", 64)
    assert EVENTS.value("energy", EVENTS.of("energy", 0.52)) == 0.5
    for kind, value in (("metre", "11/8"), ("genre", "polka"), ("chord", "C/E"), ("mode", None)):
        assert EVENTS.of(kind, value) == EVENTS.kinds[kind].null


def test_every_tempo_bin_has_a_whole_number_of_beats_a_minute():
    tempi = EVENTS.kinds["tempo"]
    found = [bpm for e in range(tempi.first, tempi.null) for bpm in EVENTS.whole_tempi(e)]
    assert found == list(range(40, 253))
    assert all(EVENTS.of("tempo", bpm) in range(tempi.first, tempi.null) for bpm in found)
    assert all(bpm in EVENTS.whole_tempi(EVENTS.of("tempo", bpm)) for bpm in found)


def test_a_vocabulary_survives_its_file():
    vocabulary = Vocabulary(genres=("rock",), longest_section=8)
    again = Vocabulary.model_validate(vocabulary.model_dump(mode="json"))
    assert again == vocabulary
    assert Events(again).count == EVENTS.count - 44 - 56


def test_bars_that_are_not_known_leave_the_rest_unknown():
    telling = Telling(EVENTS, None)
    for event in EVENTS.header(Composition()):
        telling.push(event)
    assert telling.bars_left == UNKNOWN
    section = EVENTS.kinds["section"]
    assert not telling.allowed()[section.end]  # a song has a section
    telling.push(section.first)
    telling.push(EVENTS.of("bars", 4))
    telling.push(EVENTS.of("energy", 0.5))
    assert telling.allowed()[[section.first, section.end]].all()
    telling.push(section.end)
    assert telling.longest_loop == 4
