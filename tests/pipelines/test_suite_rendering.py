import numpy as np
import pytest

from muze.audio.io import read_audio
from muze.core.errors import MuzeError
from muze.evaluation.rendering import make_ready, render_plan
from muze.pipelines.generate import generate
from muze.pipelines.resolve import StreamPlan
from muze.report import SilentReport


def test_a_suite_renders_what_generate_does_and_another_song_of_the_words_alone(
    plan_of, registry, model
):
    plan = plan_of("streams: {chord: {progression: [C, Am]}}\nkey: C major\n")
    ready = make_ready(str(model), plan, registry, "cpu")
    told, dropped = (render_plan(ready, plan, alone).audio.samples for alone in (False, True))
    path = generate(plan, registry, SilentReport(), "cpu").path
    np.testing.assert_allclose(read_audio(path).samples, told, atol=1e-4)
    assert told.shape == dropped.shape
    assert np.abs(told - dropped).max() > 0.01
    assert set(ready.networks) == {"autoencoder", "denoiser", "vocoder"}


def test_what_the_model_cannot_be_told_is_told(plan_of, registry, model):
    plan = plan_of()
    ready = make_ready(str(model), plan, registry, "cpu")
    asked = StreamPlan(values={"melody": "A4:4"}, origin="asked")
    with pytest.raises(MuzeError, match="was not trained to hear f0; it hears "):
        render_plan(ready, plan.model_copy(update={"streams": {**plan.streams, "f0": asked}}))
