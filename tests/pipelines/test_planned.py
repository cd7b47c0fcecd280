"""A planner of random weights: whatever it would say, what comes out is a plan."""

import json
from itertools import pairwise

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muze.core.errors import ManifestError
from muze.core.registry import Registry
from muze.core.theory import Chord, Key
from muze.model.checkpoint import save_part
from muze.model.header import part_of, read_header, write_header
from muze.model.planner import PlannerSettings, PlanNetwork
from muze.pipelines.composition import shortest_loop, transposed
from muze.pipelines.deciders import LaidPart, Said
from muze.pipelines.plan import Plan, plan_file
from muze.pipelines.plan_events import KINDS, Events, Vocabulary
from muze.pipelines.plan_sampling import load_planner
from muze.pipelines.planned import MAX_TURNS, Network, cut_into, groups

EVENTS = Events()
REGISTRY = Registry()
TEXT_WIDTH = 384


def write_planner(folder, seed=0, unmet=(), longest=70.0):
    torch.manual_seed(seed)
    shape = PlannerSettings(width=16, num_layers=1, num_heads=2)
    network = PlanNetwork(shape, EVENTS.count, len(KINDS), TEXT_WIDTH)
    for weight in network.parameters():  # far from even, so that it would say odd things
        torch.nn.init.normal_(weight, std=0.6)
    extra = {
        "events": Vocabulary().model_dump(mode="json"), "text": {}, "text_width": TEXT_WIDTH,
        "unmet": list(unmet), "longest": longest,
    }  # fmt: skip
    save_part(folder, "planner", network, shape, {"steps": 0}, extra=extra)
    return folder


def all_of(*kinds):
    return [e for kind in kinds for e in range(EVENTS.kinds[kind].first, EVENTS.kinds[kind].null)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_planner(tmp_path_factory.mktemp("planner") / "wild")


@pytest.fixture(scope="module")
def planner(folder):
    return load_planner(folder, REGISTRY)


@pytest.fixture
def planned(folder, tmp_path, monkeypatch):
    """Plan a manifest by the planner of random weights."""
    monkeypatch.chdir(tmp_path)

    def planned(text, more="", **options):
        head = f"muze: 1\nplanner: {{name: {folder}{more}}}\n"
        (tmp_path / "song.yaml").write_text(head + text)
        return plan_file(tmp_path / "song.yaml", REGISTRY, options)

    return planned


def network(planner, seed=0, temperature=1.0, top_p=0.95, **said):
    given = {"prompt": "", "genres": (), "metre": None, "key": None, "bpm": None, "seconds": None}
    return Network(planner, Said(**{**given, **said}), seed, temperature, top_p)


def check(plan, seconds):
    """Check that a plan is whole: bars that fill it, chords that are chords, a tempo of music."""
    assert plan.duration == seconds
    assert plan.sections[-1].end == seconds
    assert all(a.end == b.start for a, b in pairwise(plan.sections))
    assert sum(part.bars for part in plan.sections) == plan.num_bars
    assert 40 <= plan.tempo[0].bpm <= 252
    Key.parse(plan.key)
    for part in plan.sections:
        assert 0 <= part.streams["energy"].values["value"][0] <= 1
        chords = part.streams["chord"].values["progression"]
        assert 1 <= len(chords) <= part.bars
        assert all(Chord.parse(name) is not None or name == "N" for name in chords)
    assert Plan.from_json(plan.to_json()) == plan


@given(
    seconds=st.sampled_from([1.0, 2.5, 5.0, 17.3, 30.0, 61.0, 200.0]) | st.floats(1, 60),
    seed=st.integers(0, 2**31),
    said=st.fixed_dictionaries(
        {},
        optional={
            "tempo": st.integers(20, 400),
            "time_signature": st.sampled_from(["4/4", "3/4", "6/8", "7/8", "11/16", "1/1"]),
            "key": st.sampled_from(["C major", "F# dorian", "Bb harmonic minor"]),
            "streams": st.sampled_from([{"genre": "salsa"}, {"chord": ["Am", "F"]}]),
        },
    ),
)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_sample_is_a_plan_and_keeps_what_is_said(planned, seconds, seed, said):
    seconds = round(seconds, 2)
    song = {"prompt": "dreamy", "duration": seconds, "seed": seed, **said}
    plan = planned("".join(f"{key}: {json.dumps(value)}\n" for key, value in song.items()))
    assert plan.seed == seed
    if "tempo" in said:
        assert plan.tempo[0].bpm == said["tempo"]
        assert plan.num_bars * 60 * plan.grid.metre.beats_per_bar / said["tempo"] >= seconds - 0.011
    if "time_signature" in said:
        assert plan.time_signature == said["time_signature"]
    if "key" in said:
        assert plan.key == str(Key.parse(said["key"]))
    if "chord" in said.get("streams", {}):
        assert plan.streams["chord"].values == {"progression": ["Am", "F"]}
        assert not any("chord" in part.streams for part in plan.sections)
    elif "tempo" not in said:
        check(plan, seconds)
    if "genre" in said.get("streams", {}):
        assert plan.streams["genre"].values == {"names": ["salsa"]}


def test_an_hour_has_longer_sections(planned):
    plan = planned("prompt: x\nduration: 3600\nseed: 1\ntempo: 240\ntime_signature: 4/4\n")
    assert plan.num_bars == 3600
    assert len(plan.sections) <= 16 * MAX_TURNS
    assert plan.sections[0].bars > 1


def test_sections_that_are_said_stay_and_the_rest_is_filled_in(planned):
    plan = planned(
        "prompt: x\nseed: 2\nkey: A minor\nstructure:\n  sections:\n"
        "    - {type: verse, bars: 70, energy: [0.2, 0.4]}\n"
        "    - {type: chorus, seconds: 20, streams: {chord: [Am, G]}}\n"
        "    - {type: chorus, bars: 4, key: C major}\n"
        "    - {type: verse, bars: 2, streams: {chord: {progression: [Am, E7], "
        "beats_per_chord: 2}}}\n"
    )
    assert [part.type for part in plan.sections] == ["verse", "chorus", "chorus", "verse"]
    assert [part.bars for part in plan.sections][::2] == [70, 4]
    told = [part.streams["energy"].values["value"] for part in plan.sections]
    assert told[0] == [0.2, 0.4]
    chords = [part.streams["chord"].values for part in plan.sections]
    assert chords[1] == {"progression": ["Am", "G"]}
    assert chords[3] == {"progression": ["Am", "E7"], "beats_per_chord": 2}
    origins = [part.streams["chord"].origin for part in plan.sections]
    assert origins == ["decided", "asked", "decided", "asked"]


def test_a_template_that_is_said_is_the_form(planned, plan):
    text = "prompt: x\nseed: 2\nbars: 32\nstructure: {template: aaba}\n"
    ours, usual = planned(text).sections, plan(text).sections
    for name in ("type", "bars"):
        assert [getattr(p, name) for p in ours] == [getattr(p, name) for p in usual]
    energies = [[p.streams["energy"].values for p in parts] for parts in (ours, usual)]
    assert energies[0] == energies[1]


def test_the_same_seed_is_the_same_plan_and_another_another(planned):
    text = "prompt: slow strings\nduration: 60\nseed: {}\n"
    first, again, other = (planned(text.format(seed)) for seed in (1, 1, 2))
    assert first == again
    assert (first.key, first.tempo, first.sections) != (other.key, other.tempo, other.sections)


def test_what_is_said_elsewhere_changes_no_draw_before_it(planned):
    text = "prompt: slow strings\nduration: 30\nseed: 3\ntempo: 100\ntime_signature: 4/4\n"
    plain = planned(text + "streams: {genre: folk}\n")
    loud = planned(text + "streams: {genre: folk, energy: 0.5}\n")
    assert (plain.key, plain.num_bars) == (loud.key, loud.num_bars)


def test_who_decided_is_in_the_plan(planned, folder, plan):
    told = planned("prompt: x\n", ", temperature: 0.5").planner
    assert (told.name, told.temperature, told.top_p) == (str(folder), 0.5, 0.95)
    assert told.sha256 == part_of(folder, "planner")["sha256"]
    assert told.decides == KINDS
    assert plan("prompt: x\n").planner.name == "templates"
    assert plan("prompt: x\nplanner: {name: templates}\n").planner.name == "templates"


def test_a_song_that_says_everything_needs_no_network(folder, tmp_path):
    import subprocess
    import sys

    (tmp_path / "song.yaml").write_text(
        f"muze: 1\nprompt: jazz\nplanner: {{name: {folder}}}\ntempo: 100\nkey: C major\n"
        "time_signature: 4/4\nstructure: {sections: [{type: verse, bars: 4, energy: 0.5}]}\n"
        "streams: {chord: [Am]}\n"
    )
    code = (
        "import sys; from pathlib import Path; from muze.core.registry import Registry;"
        "from muze.pipelines.plan import plan_file;"
        "plan_file(Path('song.yaml'), Registry()); sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=False).returncode == 0


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("{name: nobody}", "2: planner.name: model 'nobody' is not installed"),
        ("{name: empty}", "is no model folder; it has no muze.json"),
        ("{name: bare}", "has no planner; it has nothing"),
        ("{name: templates, top_p: 0.5}", "2: planner.top_p: is a setting of a trained planner"),
        ("{name: templates, temperature: 0}", "2: planner.temperature: must be greater than 0"),
        ("{top_p: 2}", "2: planner.top_p: must be less than or equal to 1"),
        ("starter", "2: planner: must be a mapping, not 'starter'"),
    ],
)
def test_a_planner_that_is_none_is_told(tmp_path, monkeypatch, said, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "muze.json").write_text('{"muze_model": 1}')
    (tmp_path / "song.yaml").write_text(f"muze: 1\nplanner: {said}\nprompt: x\n")
    with pytest.raises(ManifestError) as fault:
        plan_file(tmp_path / "song.yaml", REGISTRY)
    assert told in str(fault.value)


def test_a_header_that_makes_no_sense_is_told(tmp_path, monkeypatch):
    folder = write_planner(tmp_path / "odd")
    header = read_header(folder)
    header["parts"]["planner"]["longest"] = "long"
    write_header(folder, header)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "song.yaml").write_text("muze: 1\nplanner: {name: odd}\nprompt: x\n")
    with pytest.raises(ManifestError, match=r"parts\.planner\.longest"):
        plan_file(tmp_path / "song.yaml", REGISTRY)


def test_what_its_dataset_never_told_is_not_drawn(tmp_path):
    events = EVENTS.kinds
    unmet = [*range(events["metre"].first + 1, events["metre"].null)]
    unmet += [e for e in all_of("chord") if EVENTS.value("chord", e) not in ("C", "Am")]
    planner = load_planner(write_planner(tmp_path, unmet=unmet), REGISTRY)
    for seed in range(4):
        told = network(planner, seed, temperature=20.0, top_p=1.0)
        assert told.metre() == "4/4"
        told.lay([LaidPart("verse", 8, 16.0, "C major", None, None)])
        assert set(told.chords(0)) <= {"C", "Am"}


def test_bars_that_no_length_it_met_can_fill_are_filled(tmp_path):
    odd = [EVENTS.of("bars", bars) for bars in range(1, 65, 2)]
    planner = load_planner(write_planner(tmp_path, unmet=odd), REGISTRY)
    for num_bars in (1, 2, 3, 21, 40):
        for seed in range(3):
            parts = network(planner, seed, temperature=20.0, top_p=1.0).form(num_bars, 60.0)
            bars = [part.bars for part in parts]
            assert sum(bars) == num_bars
            assert sum(length % 2 for length in bars) == num_bars % 2


@pytest.mark.parametrize("lost", ["tempo", "mode", "section", "energy", "chord"])
def test_templates_decide_what_its_dataset_never_told(tmp_path, lost):
    planner = load_planner(write_planner(tmp_path, unmet=all_of(lost)), REGISTRY)
    told = network(planner, 5, prompt="techno", genres=("techno",))
    told.lay([LaidPart("drop", 8, 16.0, "A minor", None, None)])
    made = {
        "tempo": (told.bpm(), told.usual.bpm()), "mode": (told.key(), told.usual.key()),
        "section": (told.form(16, 32.0), told.usual.form(16, 32.0)),
        "energy": (told.energy(0), told.usual.energy(0)),
        "chord": (told.chords(0), told.usual.chords(0)),
    }  # fmt: skip
    assert lost not in [name for name in KINDS if planner.decides(name)]
    assert made[lost][0] == made[lost][1]


def test_songs_longer_than_it_learned_are_told_in_turns(planner):
    bars = list(cut_into(300, 9))
    assert bars == [32, 36, 32, 32, 36, 32, 32, 36, 32]
    types = {"first": set(), "middle": set(), "last": set()}
    for seed in range(4):
        parts, at = network(planner, seed, temperature=20.0, top_p=1.0).form(300, 600.0), 0
        assert sum(part.bars for part in parts) == 300
        for part in parts:
            where = "first" if at < 32 else "last" if at >= 268 else "middle"
            types[where].add(part.type)
            at += part.bars
    assert "intro" in types["first"] - types["middle"] - types["last"]
    assert "outro" in types["last"] - types["middle"] - types["first"]


def test_turns_are_cut_as_evenly_as_can_be():
    assert list(cut_into(10, 3)) == [3, 4, 3]
    sections = [LaidPart("verse", 8, 30.0, "C major", None, None)] * 9
    assert [len(group) for group in groups(sections, 70.0)] == [3, 3, 3]


def test_no_section_is_a_crumb_where_the_bars_suffice(planner):
    for seed in range(5):
        parts = network(planner, seed, temperature=20.0, top_p=1.0).form(31, 60.0)
        assert min(part.bars for part in parts) >= 2


def test_every_section_of_a_type_has_the_same_loop_as_far_as_it_goes(planner):
    told = network(planner, 7)
    parts = [LaidPart("verse", bars, 2.0 * bars, "D minor", None, None) for bars in (16, 2)]
    told.lay(parts)
    long, short = told.chords(0), told.chords(1)
    assert short == long[: len(short)]


def test_a_loop_is_told_as_in_c_and_sounds_in_the_section_s_key(planner):
    told = network(planner, 7)
    told.lay([LaidPart("verse", 16, 32.0, key, 0.5, None) for key in ("D minor", "E minor")])
    for index, (key, steps) in enumerate((("D minor", 2), ("E minor", 4))):
        events = told._filled[1][key, EVENTS.of("section", "verse")]
        names = [transposed(EVENTS.value("chord", event), steps) for event in events]
        assert told.chords(index) == list(shortest_loop(names))
