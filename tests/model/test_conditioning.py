import pytest
import torch
from torch import nn

from muze.model.conditioning import Conditioning, Drawn, StreamEncoder, present_mean
from muze.model.unet import UNet, UNetSettings

FRAMES, LATENTS = 32, 4


class Everywhere(StreamEncoder):
    """Enters at every site it is made for, from two rows of frames and a list of tokens."""

    def __init__(self, sites):
        super().__init__(sites)
        self.layers = nn.ModuleDict({site: nn.Linear(2, width) for site, width in sites.items()})
        for null in self.null.values():
            nn.init.normal_(null)

    def encode(self, features, present, num_frames):
        mean = present_mean(features["curve"], present)
        out = {}
        for site, layer in self.layers.items():
            if site == "frames":
                out[site] = layer(features["curve"].mT).mT[..., :: FRAMES // num_frames]
            elif site == "tokens":
                out[site] = layer(features["words"])
            else:
                out[site] = layer(mean)
        return out


def drawn(batch=2, present=True):
    numbers = torch.Generator().manual_seed(0)
    return Drawn(
        {
            "curve": torch.randn(batch, 2, FRAMES, generator=numbers),
            "words": torch.randn(batch, 3, 2, generator=numbers),
            "words_mask": torch.tensor([[True, True, False]] * batch),
        },
        torch.full((batch, FRAMES), present),
    )


@pytest.fixture
def conditioning():
    sites = {"vector": 4, "frames": 3, "tokens": 5, "voice": 2}
    return Conditioning(
        {"one": Everywhere(sites), "two": Everywhere({"vector": 4})}, 8, 5, 6, voice_dim=7
    ).eval()


def assert_same(ours, theirs):
    torch.testing.assert_close(ours.vector, theirs.vector)
    torch.testing.assert_close(ours.frames, theirs.frames)
    torch.testing.assert_close(ours.voice, theirs.voice)
    for row in range(len(ours.tokens)):
        torch.testing.assert_close(
            ours.tokens[row][ours.tokens_mask[row]], theirs.tokens[row][theirs.tokens_mask[row]]
        )


def test_conditions_have_the_shapes_the_network_is_told(conditioning):
    told = conditioning({"one": drawn(), "two": drawn()}, 2, LATENTS)
    assert told.vector.shape == (2, 8)
    assert told.frames.shape == (2, 5, LATENTS)
    assert told.tokens.shape == (2, 3, 6)
    assert told.tokens_mask.tolist() == [[True, True, False]] * 2
    assert told.voice.shape == (2, 7)


def test_a_stream_not_given_is_a_stream_dropped_is_a_stream_without_features(conditioning):
    absent = conditioning({}, 2, LATENTS)
    dropped = conditioning({"one": drawn(present=False), "two": drawn(present=False)}, 2, LATENTS)
    assert_same(absent, dropped)
    nothing = Drawn({}, torch.zeros(2, FRAMES, dtype=torch.bool))
    assert_same(absent, conditioning({"one": nothing, "two": nothing}, 2, LATENTS))


def test_a_row_that_drops_a_stream_leaves_the_other_row_alone(conditioning):
    given, mixed = drawn(), drawn()
    mixed.present[1] = False
    told = conditioning({"one": mixed}, 2, LATENTS)
    whole, absent = conditioning({"one": given}, 2, LATENTS), conditioning({}, 2, LATENTS)
    torch.testing.assert_close(told.vector[0], whole.vector[0])
    torch.testing.assert_close(told.vector[1], absent.vector[1])
    torch.testing.assert_close(told.frames[0], whole.frames[0])
    torch.testing.assert_close(told.frames[1], absent.frames[1])


def test_frames_a_stream_does_not_speak_of_get_its_null(conditioning):
    conditioning.frames_out = nn.Identity()
    part = drawn()
    part.present[:, FRAMES // 2 :] = False
    told = conditioning({"one": part}, 2, LATENTS).frames
    torch.testing.assert_close(told[..., :2], conditioning({"one": drawn()}, 2, 4).frames[..., :2])
    torch.testing.assert_close(told[..., 2:], conditioning({}, 2, 4).frames[..., 2:])


def test_without_token_streams_there_is_one_token_of_zeros():
    told = Conditioning({"two": Everywhere({"vector": 4})}, 8, 5, 6)({}, 3, LATENTS)
    assert told.tokens.shape == (3, 1, 6)
    assert not told.tokens.any()
    assert told.tokens_mask.all()
    assert told.voice is None


@pytest.mark.parametrize(
    "sites", [{"vector": 4}, {"frames": 3}, {"voice": 2}, {"vector": 1, "frames": 1}]
)
def test_a_stream_added_to_a_trained_model_changes_no_bit(sites):
    settings = UNetSettings(
        latent_dim=4, model_channels=16, channel_mult=(1,), strides=(), num_res_blocks=1,
        attention_levels=(0,), kernel=(1, 3), num_heads=2, context_dim=6, vector_dim=8,
        frames_dim=5, voice_dim=7,
    )  # fmt: skip
    unet, conditioning = (
        UNet(settings).eval(),
        Conditioning(
            {"old": Everywhere({"vector": 4, "frames": 3, "tokens": 5})}, 8, 5, 6, voice_dim=7
        ),
    )
    x, t = torch.randn(2, 4, 1, LATENTS), torch.tensor([0.2, 0.7])
    with torch.no_grad():
        for name, parameter in unet.named_parameters():
            if ".voice." not in name:  # as training without a voice leaves those alone
                parameter += 0.1 * torch.randn_like(parameter)
        before = unet(x, t, conditioning({"old": drawn()}, 2, LATENTS))
        conditioning.add_stream("new", Everywhere(sites))
        after = unet(x, t, conditioning({"old": drawn(), "new": drawn()}, 2, LATENTS))
    assert torch.equal(before, after)


def test_a_stream_of_tokens_cannot_be_added_silently(conditioning):
    with pytest.raises(ValueError, match="'words' gives tokens"):
        conditioning.add_stream("words", Everywhere({"tokens": 5}))


def test_an_added_stream_learns():
    conditioning = Conditioning({"old": Everywhere({"vector": 4})}, 8, 5, 6)
    conditioning.add_stream("new", Everywhere({"vector": 4, "frames": 3}))
    told = conditioning({"new": drawn()}, 2, LATENTS)
    (told.vector.square().sum() + told.frames.square().sum()).backward()
    assert conditioning.vector_in["new"].weight.grad.any()
    assert conditioning.frames_in["new"].weight.grad.any()


class Learning(Everywhere):
    """Learns its rows' mean besides, of the batches that have words."""

    def loss(self, features, present):
        return self.layers["vector"].weight.sum() if features["words_mask"].any() else None


def test_what_encoders_learn_besides_is_gathered_by_stream():
    conditioning = Conditioning(
        {"one": Everywhere({"vector": 4}), "two": Learning({"vector": 4})}, 8, 5, 6
    )
    assert list(conditioning.losses({"one": drawn(), "two": drawn()})) == ["two"]
    assert conditioning.losses({"one": drawn()}) == {}
    assert conditioning.losses({"two": Drawn({}, drawn().present)}) == {}
    wordless = drawn()
    wordless.features["words_mask"] = torch.zeros(2, 3, dtype=torch.bool)
    assert conditioning.losses({"two": wordless}) == {}
    conditioning.losses({"two": drawn()})["two"].backward()
    learning = [name for name, p in conditioning.named_parameters() if p.grad is not None]
    assert learning == ["encoders.two.layers.vector.weight"]
