import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file

from muze.core.errors import MuzeError
from muze.core.registry import Registry
from muze.data.store import read_dataset
from muze.model.header import part_of
from muze.pipelines.components import open_streams
from muze.pipelines.composition import Composition, PlannedSection
from muze.pipelines.plan_batches import (
    IGNORED,
    Lessons,
    Piece,
    collated,
    draw_batch,
    length_of,
    lesson,
    losses_of,
    surprise,
)
from muze.pipelines.plan_events import HEADER, KINDS, Events, events_of
from muze.pipelines.plan_sampling import load_planner
from muze.pipelines.planner_info import planner_header
from muze.pipelines.train_planner import TrainingSettings, read_pieces, train
from muze.report import SilentReport

EVENTS = Events()
SMALL = {"width": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.2}
SONG = Composition(
    "folk", "4/4", 100.0, "major", 2,
    (PlannedSection("verse", 8, 0.5), PlannedSection("chorus", 4, None)),
    {"verse": ("C", "G"), "chorus": ("F",)},
)  # fmt: skip


class Noting(SilentReport):
    def __init__(self):
        self.notes = []

    def note(self, text):
        self.notes.append(text)


class StopAt(SilentReport):
    """Interrupts a training after so many of its steps."""

    def task(self, description, total):
        done = 0

        def advance(steps=1, note=""):
            nonlocal done
            done += steps
            if description == "planner" and done == 5:
                raise KeyboardInterrupt

        return advance


@pytest.fixture(scope="module")
def settings_of(dataset, runs):
    def settings_of(run, **changes):
        given = {
            "dataset": dataset, "run": runs / run, "planner": SMALL, "steps": 8, "batch_size": 4,
            "warmup": 1, "save_every": 2, "device": "cpu",
        }  # fmt: skip
        return TrainingSettings.model_validate({**given, **changes})

    return settings_of


@pytest.fixture(scope="module")
def trained(settings_of):
    settings = settings_of("planner")
    train(settings, SilentReport())
    return settings.run / "planner"


def state(settings):
    return json.loads((settings.run / "state" / "state.json").read_text())


def weights(settings):
    return load_file(settings.run / "planner" / "planner.safetensors")


def same(ours, theirs):
    return ours.keys() == theirs.keys() and all(torch.equal(ours[n], theirs[n]) for n in ours)


def test_a_trained_planner_says_what_it_is_and_what_it_met(trained):
    about = part_of(trained, "planner")
    assert about["settings"] == SMALL
    assert about["training"] == {"steps": 8, "seed": 0}
    header = planner_header(trained)
    assert header.decides == KINDS
    assert header.text["encoder"] == "minilm"
    met = load_planner(trained, Registry()).met
    genres = [n for n in EVENTS.vocabulary.genres if met[EVENTS.of("genre", n)]]
    assert genres == ["synthwave", "ambient", "cinematic"]
    assert header.longest == pytest.approx(np.percentile([4.0, 4.8, 240 / 140 * 2], 98), abs=0.01)


def test_losses_have_their_names(settings_of, trained):
    rows = state(settings_of("planner"))["losses"]
    assert len(rows) == 8
    assert set(rows[0]) == {"loss", "header", "form", "chords"}


def test_an_interrupted_training_resumes_to_the_same_bits(settings_of, trained):
    cut = settings_of("planner-cut")
    with pytest.raises(KeyboardInterrupt):
        train(cut, StopAt())
    train(cut.model_copy(update={"resume": True}), SilentReport())
    assert state(cut)["losses"] == state(settings_of("planner"))["losses"]
    assert same(weights(cut), weights(settings_of("planner")))


def test_micro_batches_give_the_same_losses(settings_of):
    still = {"planner": {**SMALL, "dropout": 0.0}, "steps": 3}
    for name, accumulate in (("planner-whole", 1), ("planner-parts", 2)):
        train(settings_of(name, **still, accumulate=accumulate), SilentReport())
    one, two = (state(settings_of(n))["losses"] for n in ("planner-whole", "planner-parts"))
    for a, b in zip(one, two, strict=True):
        assert a == pytest.approx(b, rel=1e-4)


def test_what_is_learned_comes_out(settings_of):
    settings = settings_of("planner-long", steps=80, learning_rate=1e-2, batch_size=8)
    train(settings, SilentReport())
    rows = state(settings)["losses"]
    assert np.mean([r["loss"] for r in rows[-10:]]) < 0.4 * np.mean([r["loss"] for r in rows[:3]])


def test_a_training_can_start_from_a_model(settings_of, trained):
    settings = settings_of("planner-on", start=str(trained), learning_rate=1e-12, steps=1)
    train(settings, SilentReport())
    for name, value in load_file(trained / "planner.safetensors").items():
        torch.testing.assert_close(weights(settings)[name], value)


def test_validation_is_on_songs_never_trained_on(settings_of):
    settings = settings_of("planner-validated", validation=0.3, validation_crops=4)
    train(settings, SilentReport())
    assert {"step", "loss", "chords"} <= set(state(settings)["validated"][-1])
    assert (settings.run / "best" / "planner" / "muze.json").exists()


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [("crop_frames", 64, "crop_frames means nothing"), ("preview_every", 5, "no sound")],
)
def test_what_means_nothing_to_a_planner_is_refused(settings_of, setting, value, told):
    with pytest.raises(ValidationError, match=told):
        settings_of("planner-odd", **{setting: value})


def thin(dataset, folder, *fields):
    """Write a dataset whose records lack some fields; return its path."""
    records = [
        {k: v for k, v in r.items() if k not in fields} for r in read_dataset(dataset).tracks
    ]
    path = folder / "thin.json"
    path.write_text(json.dumps({"muze_dataset": 1, "tracks": records}))
    return path


def test_a_dataset_that_lacks_fields_teaches_the_others(settings_of, dataset, tmp_path):
    report = Noting()
    path = thin(dataset, tmp_path, "key", "chords", "prompt", "prompts")
    settings = settings_of("planner-thin", dataset=path, steps=2)
    train(settings, report)
    assert report.notes[0] == "no record tells mode, tonic, chord; templates will decide those"
    assert all(row["chords"] == 0 for row in state(settings)["losses"])
    assert state(settings)["losses"][0]["form"] > 0
    decides = planner_header(settings.run / "planner").decides
    assert decides == ("genre", "metre", "tempo", "section", "bars", "energy")


def test_a_dataset_that_tells_no_plan_is_refused(settings_of, dataset, tmp_path):
    path = thin(
        dataset, tmp_path, "key", "chords", "genre", "time_signature", "tempo", "segments",
        "beat_positions", "downbeat_positions", "tempo_map",
    )  # fmt: skip
    with pytest.raises(MuzeError, match=r"thin\.json: no record tells anything of a plan: genre"):
        train(settings_of("planner-none", dataset=path), SilentReport())


def test_records_become_pieces_with_their_prompts(dataset):
    stream = open_streams({"text": {}}, Registry())["text"]
    pieces, texts = read_pieces(read_dataset(dataset).tracks, stream, SilentReport())
    assert [piece.prompts for piece in pieces] == [(0, 1), (2, 3), (4, 5)]
    assert texts.shape == (6, 384)
    assert [piece.song.genre for piece in pieces] == ["ambient", "synthwave", "cinematic"]


def learned(batch):
    """Return which kinds of events are learned, row by row."""
    kinds = [[KINDS[kind] for kind in row] for row in batch.row.kind.tolist()]
    return [
        {kind for kind, target in zip(row, targets, strict=True) if target != IGNORED}
        for row, targets in zip(kinds, batch.target.tolist(), strict=True)
    ]


def test_a_lesson_tells_each_event_what_comes_next():
    row = lesson(SONG, EVENTS, None, 28.8, [True, False, True, False, False], 4)
    told = events_of(SONG, EVENTS)
    assert [c[0] for c in row.columns] == [EVENTS.start, *told[:-1]]
    assert [c[5] for c in row.columns] == [
        IGNORED if event == EVENTS.kinds["energy"].null else event for event in told
    ]
    null = {kind: EVENTS.kinds[kind].null for kind in HEADER}
    assert row.fields == [told[0], null["metre"], told[2], null["mode"], null["tonic"]]
    kinds = [KINDS[c[1]] for c in row.columns]
    left = {kind: [c[4] for c in row.columns if KINDS[c[1]] == kind] for kind in set(kinds)}
    assert left["section"] == [12, 4, 0]
    assert left["bars"] == [12, 4]
    assert left["chord"] == [8, 8, 8, 4, 4]


def test_what_is_not_known_is_not_learned():
    for lost, kinds in (({"genre": None}, {"genre"}), ({"loops": {}}, set())):
        song = Composition(**{**SONG.__dict__, **lost})
        batch = collated([lesson(song, EVENTS, None, None, [False] * 5, 4)], EVENTS)
        assert learned(batch)[0] == {*KINDS} - kinds  # of a loop, that it ends
    song = Composition(sections=(PlannedSection(None, None),))
    batch = collated([lesson(song, EVENTS, None, None, [False] * 5, 4)], EVENTS)
    assert learned(batch)[0] <= {"section", "chord"}


def test_lessons_leave_out_and_give_as_often_as_they_say():
    texts = np.ones((1, 4), np.float32)
    pieces = [Piece(SONG, (0,))]

    def draw(**shares):
        nothing = dict.fromkeys(Lessons.model_fields, 0.0)
        lessons = Lessons.model_validate({**nothing, **shares})
        return draw_batch(pieces, texts, EVENTS, 200, lessons, np.random.default_rng(0))

    batch = draw()
    assert batch.given.has_text.all()
    assert (batch.given.duration == batch.given.duration[0]).all()
    nulls = torch.tensor([EVENTS.kinds[kind].null for kind in HEADER])
    assert (batch.given.fields == nulls).all()
    assert 0.4 < draw(drop_text=0.5).given.has_text.float().mean() < 0.6
    assert 0.4 < (draw(drop_duration=0.5).given.duration < 0).float().mean() < 0.6
    assert 0.4 < (draw(give=0.5).given.fields != nulls).float().mean() < 0.6
    told = [("genre" in kinds) for kinds in learned(draw(drop_field=0.5))]
    assert 0.4 < np.mean(told) < 0.6
    ends = (draw(part=1.0).target == EVENTS.of("section", "chorus")).any(1).float().mean()
    assert 0.5 < ends < 0.9  # of one section or two
    tempi = {int(t) for t in draw(vary=0.1).target[:, 2]}
    assert len(tempi) > 3


def test_a_part_is_as_long_as_its_sections():
    assert length_of(SONG) == pytest.approx(12 * 4 * 0.6)
    assert length_of(SONG.part(1, 2)) == pytest.approx(4 * 4 * 0.6)
    assert length_of(Composition(sections=SONG.sections)) is None


def test_some_rows_of_a_batch_are_those_of_the_whole():
    texts, pieces = np.ones((1, 4), np.float32), [Piece(SONG, (0,))] * 3

    def draw(rows):
        numbers = np.random.default_rng(3)
        return draw_batch(pieces, texts, EVENTS, 6, Lessons(), numbers, rows)

    whole, some = draw(slice(None)), draw(slice(2, 4))
    width = some.target.shape[1]
    assert torch.equal(whole.target[2:4, :width], some.target)
    assert (whole.target[2:4, width:] == IGNORED).all()


def test_events_that_cannot_follow_cost_nothing(trained):
    network = load_planner(trained, Registry()).network
    batch = collated([lesson(SONG, EVENTS, None, None, [False] * 5, 384)], EVENTS)
    with torch.no_grad():
        found = losses_of(network, batch)
    end = [KINDS[c[1]] == "section" for c in lesson(SONG, EVENTS, None, None, [0] * 5, 4).columns]
    with torch.no_grad():
        nats = surprise(network, batch)[0]
    assert nats[max(np.flatnonzero(end))] == 0  # once all bars have a section, the form ends
    assert found["loss"] < np.log(EVENTS.count)
