import json

import numpy as np
import pytest

from muze.data.stats import summarise


def track(**said):
    return {"audio_path": "a.wav", "duration": 60.0, **said}


def test_tracks_and_hours_are_counted():
    stats = summarise([track(), track(duration=1740.0)])
    assert (stats.tracks, stats.seconds) == (2, 1800.0)


def test_numbers_are_those_of_the_tracks_that_have_them():
    tempi = [60.0, 100.0, 110.0, 180.0, None]
    spread = summarise([track(tempo=tempo) for tempo in tempi]).numbers["tempo"]
    assert (spread.tracks, spread.lowest, spread.highest) == (4, 60.0, 180.0)
    assert (spread.median, spread.mean) == (105.0, 112.5)
    assert spread.p95 == pytest.approx(np.percentile(tempi[:4], 95), abs=1e-3)
    assert sum(spread.counts) == 4
    assert len(spread.edges) == len(spread.counts) + 1


def test_names_are_counted_the_commonest_first():
    said = [("jazz", True), (["jazz", "funk", "funk"], False), (["funk"], True), (["jazz"], None)]
    stats = summarise([track(genre=genre, has_vocals=sung, key="A minor") for genre, sung in said])
    assert stats.counts["genre"] == {"jazz": 3, "funk": 2}
    assert [*stats.counts["genre"]] == ["jazz", "funk"]
    assert stats.counts["has_vocals"] == {"yes": 2, "no": 1}
    assert stats.counts["key"] == {"A minor": 4}
    assert "artist" not in stats.counts


def test_sections_are_counted_and_their_time():
    parts = [("verse", 0, 20), ("chorus", 20, 50), ("verse", 50, 55)]
    told = [{"type": kind, "start": start, "end": end} for kind, start, end in parts]
    sections = summarise([track(segments=told), track(segments=None)]).sections
    assert {k: (s.count, s.seconds) for k, s in sections.items()} == {
        "chorus": (1, 30), "verse": (2, 25)
    }  # fmt: skip


def test_what_is_missing_is_told_with_its_reasons():
    def lacking(reason):
        return track(artist=None, provenance={"artist": {"backend": "tags", "reason": reason}})

    records = [lacking("no tags"), lacking("no tags"), lacking("damaged"), track(artist=None),
               track(), track(artist="Ada", mood="blue")]  # fmt: skip
    missing = {lack.field: lack for lack in summarise(records).missing}
    lack = missing["artist"]
    assert (lack.tracks, lack.share) == (5, 0.8333)
    assert dict(lack.reasons) == {"no tags": 2, "damaged": 1, "no reason is told": 1}
    assert missing["lyrics"].reasons == (("not in the record", 6),)
    assert missing["mood"].tracks == 5
    assert not missing.keys() & {"audio_path", "duration"}


def test_who_made_what_is_told_by_version():
    new, old = ({"backend": "beats", "version": v} for v in ("2", "1"))
    lacked = {"backend": "tags", "reason": "none"}
    stats = summarise(
        [
            track(provenance={"tempo": new, "beat_positions": new, "artist": lacked}),
            track(provenance={"tempo": new}),
            track(provenance={"tempo": old}),
            track(provenance={"backend": "corpus", "version": 2}),
        ]
    )
    assert [(m.backend, m.version, m.tracks, m.fields) for m in stats.makers] == [
        ("beats", "2", 2, ("tempo", "beat_positions")),
        ("beats", "1", 1, ("tempo",)),
        ("corpus", "2", 1, ()),
    ]


def test_fields_of_other_forms_do_no_harm():
    odd = track(artist={"a": 1}, sentiment_score=float("nan"), language=3, provenance=["x"])
    stats = summarise([odd, track(provenance={"tempo": "me", "key": None}, key=None)])
    assert stats.counts["artist"] == {"{'a': 1}": 1}
    assert "sentiment_score" not in stats.numbers


def test_the_figures_are_json():
    told = json.loads(json.dumps(summarise([track(tempo=90.0, genre=["jazz"])]).to_json()))
    assert told["numbers"]["tempo"]["median"] == 90.0
    assert told["counts"]["genre"] == {"jazz": 1}
