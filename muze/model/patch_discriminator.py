"""A discriminator of spectrograms that judges patch by patch."""

from __future__ import annotations

from torch import Tensor, nn

from muze.model.blocks import group_norm

# Shapes: B batch, M mel bands, T mel frames

SLOPE = 0.2
NUM_HALVINGS = 3  # so a patch is 54 bands by 54 frames


class PatchDiscriminator(nn.Module):
    """Says of each patch of a spectrogram whether it is real (Isola et al. 2017, PatchGAN).

    Its norms are over groups of one example's channels, not over the batch, so that a share of a
    batch is judged as the whole is.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        widths = [channels * 2**k for k in range(NUM_HALVINGS)]
        first = nn.Sequential(nn.Conv2d(1, channels, 4, 2, 1), nn.LeakyReLU(SLOPE))
        self.layers = nn.ModuleList([first])
        for width, wider in zip(widths, [*widths[1:], 2 * widths[-1]], strict=True):
            halves = wider <= widths[-1]
            shape = (4, 2, 1) if halves else (3, 1, 1)
            self.layers.append(
                nn.Sequential(
                    nn.Conv2d(width, wider, *shape), group_norm(wider), nn.LeakyReLU(SLOPE)
                )
            )
        self.out = nn.Conv2d(2 * widths[-1], 1, 3, 1, 1)

    def forward(
        self, wanted: Tensor, made: Tensor
    ) -> tuple[list[Tensor], list[Tensor], list[list[Tensor]], list[list[Tensor]]]:
        """Judge spectrograms (B, M, T), of mean 0 and deviation 1, as a ``Duel`` asks."""
        real, real_maps = self._judge(wanted)
        fake, made_maps = self._judge(made)
        return [real], [fake], [real_maps], [made_maps]

    def _judge(self, spectrogram: Tensor) -> tuple[Tensor, list[Tensor]]:
        h, maps = spectrogram[:, None], []
        for layer in self.layers:
            h = layer(h)
            maps.append(h)
        out: Tensor = self.out(h)
        return out, maps
