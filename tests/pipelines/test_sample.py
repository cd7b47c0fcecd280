import numpy as np
import pytest
import torch

from muze.core.errors import ManifestError, PluginError
from muze.model.windows import Windows
from muze.pipelines import sample as sampling
from muze.pipelines.draw import draw
from muze.pipelines.load import load_model
from muze.pipelines.sample import Passes, negative_of, sample
from muze.report import SilentReport


@pytest.fixture(scope="module")
def loaded(model, registry):
    return load_model(model, registry, "cpu")


def passes_of(model, drawn, plan, windows):
    return Passes(model, drawn, plan.grid, plan.guidance, negative_of(plan, model), windows)


@pytest.fixture
def sampled(loaded, registry, plan_of):
    def sampled(text="", **options):
        plan = plan_of(text, **options)
        drawn = draw(plan, registry, SilentReport(), loaded.streams)
        return sample(loaded, drawn, plan, registry, SilentReport())

    return sampled


@pytest.fixture
def passes(loaded, registry, plan_of):
    def passes(text="", without=(), longest=128):
        plan = plan_of(text)
        drawn = draw(plan, registry, SilentReport(), loaded.streams)
        drawn = {name: value for name, value in drawn.items() if name not in without}
        num_frames = plan.grid.frames // loaded.time_stride
        windows = Windows.over(num_frames, longest, 4)
        return passes_of(loaded, drawn, plan, windows)

    return passes


def test_latents_are_as_long_as_the_song(sampled):
    assert sampled("tempo: 100\n").shape == (1, 8, 1, 38)  # 300 frames, rounded up to eights
    assert sampled().isfinite().all()


def test_the_seed_decides_the_noise(sampled):
    first = sampled()
    assert torch.equal(first, sampled())
    assert not torch.equal(first, sampled(**{"--seed": 6}))


@pytest.mark.parametrize(
    "text",
    ["tempo: 150", "key: F# minor", "streams: {chord: {progression: [Em, D]}}",
     "streams: {genre: [jazz]}", "streams: {loudness: -30}", "guidance: {all: 1}",
     "guidance: {all: 3, chord: 2}", "guidance: {all: 3, beat: 1}", "negative_prompt: noise",
     "time_signature: 3/4", "prompt: roaring guitars",
     "structure: {sections: [{type: verse, bars: 1, energy: 0.1}, {type: drop, bars: 1}]}"],
)  # fmt: skip
def test_everything_a_song_says_changes_it(passes, text):
    x = torch.randn(1, 8, 1, 37, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        plain, other = (passes(said).denoise(x, 0.5, 0) for said in ("", text))
    assert not torch.allclose(plain, other, atol=1e-6)


def test_guidance_of_a_stream_is_the_stated_sum(passes):
    x = torch.randn(1, 8, 1, 37, generator=torch.Generator().manual_seed(0))
    text = "guidance: {{all: {}, chord: {}}}\n"
    with torch.inference_mode():
        given = passes(text.format(1, 0)).denoise(x, 0.5, 0)
        no_chord = passes(text.format(1, 0), without=["chord"]).denoise(x, 0.5, 0)
        dropped = passes(text.format(0, 0)).denoise(x, 0.5, 0)
        guided = passes(text.format(3, 2)).denoise(x, 0.5, 0)
    # x_0 is linear in the prediction, and the weights of the passes sum to one
    wanted = dropped + 3 * (given - dropped) + 2 * (given - no_chord)
    torch.testing.assert_close(guided, wanted, atol=1e-4, rtol=1e-4)


def test_only_the_passes_that_count_are_made(passes):
    counts = {
        "guidance: {all: 1}\n": 1,
        "guidance: {all: 3}\n": 2,
        "guidance: {all: 3, chord: 2, beat: 1}\n": 4,
        "guidance: {all: 1, chord: 2}\n": 3,
    }
    assert {text: passes(text).told[0].vector.shape[0] for text in counts} == counts


def test_a_negative_prompt_is_what_guidance_leads_away_from(passes):
    plain, negative = passes("guidance: {all: 3}\n"), passes("negative_prompt: noise\n")
    torch.testing.assert_close(plain.told[0].vector[0], negative.told[0].vector[0])
    assert not torch.allclose(plain.told[0].vector[1], negative.told[0].vector[1])


def test_a_negative_prompt_needs_a_model_that_reads(loaded, registry, plan_of, monkeypatch):
    plan = plan_of("negative_prompt: noise\n")
    streams = {name: stream for name, stream in loaded.streams.items() if name != "text"}
    monkeypatch.setattr(loaded, "streams", streams)
    with pytest.raises(ManifestError, match="negative_prompt: this model has no text stream"):
        sample(loaded, {}, plan, registry, SilentReport())


def test_a_song_of_several_windows_is_sampled_whole_and_never_seen_whole(
    sampled, loaded, monkeypatch
):
    monkeypatch.setattr(sampling, "LONGEST", 20)
    monkeypatch.setattr(sampling, "OVERLAP", 4)
    seen = []
    watch = loaded.denoiser.unet.register_forward_pre_hook(
        lambda unet, inputs: seen.append(inputs[0].shape[-1])
    )
    long = sampled("", **{"--duration": 4.0})
    watch.remove()
    assert long.shape == (1, 8, 1, 50)
    assert long.isfinite().all()
    assert max(seen) <= 20


def test_a_section_s_own_prompt_is_heard_in_its_windows_alone(passes):
    text = (
        "structure: {{sections: [{{type: verse, bars: 1}}, {{type: drop, bars: 1{}}}]}}\n"
        "tempo: 160\nguidance: {{all: 1}}\n"
    )
    plain = passes(text.format(""), longest=16)
    own = passes(text.format(", prompt: heavy bass drop"), longest=16)
    counts = [[int(told.tokens_mask.sum()) for told in heard.told] for heard in (plain, own)]
    assert counts[0] == [4, 4, 4]  # two words and the marks around them
    assert counts[1] == [4, 9, 9]  # the first window ends before the second section


def test_a_sampler_that_raises_is_blamed_by_name(loaded, registry, plan_of, monkeypatch):
    def broken(*arguments):
        raise ZeroDivisionError("no steps")

    monkeypatch.setattr(registry.get("sampler", "ddim"), "sample", broken)
    drawn = {}
    with pytest.raises(PluginError, match=r"plugin ddim \(muze .*\) failed to sample: ZeroDiv"):
        sample(loaded, drawn, plan_of(), registry, SilentReport())


def test_what_is_not_drawn_is_as_if_dropped(loaded, registry, plan_of):
    plan = plan_of("guidance: {all: 1}\n")
    windows = Windows.over(37, 128, 16)
    drawn = draw(plan, registry, SilentReport(), loaded.streams)
    silent = {n: (f, np.zeros_like(present)) for n, (f, present) in drawn.items()}
    x = torch.randn(1, 8, 1, 37, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        absent = passes_of(loaded, {}, plan, windows).denoise(x, 0.5, 0)
        dropped = passes_of(loaded, silent, plan, windows).denoise(x, 0.5, 0)
        told = passes_of(loaded, drawn, plan, windows).denoise(x, 0.5, 0)
    torch.testing.assert_close(absent, dropped, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(absent, told, atol=1e-4)
