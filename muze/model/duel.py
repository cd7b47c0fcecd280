"""A generator in training against discriminators, in one pass: one loss and one optimiser."""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from muze.audio.torchaudio_import import torchaudio_import


class Duel(nn.Module):
    """A generator and the discriminators it is trained against, if there are any.

    A discriminator takes what is wanted and what was made, and returns two lists of what it thinks
    of either, and two lists of lists of features, as those of Vocos do.
    """

    def __init__(self, generator: nn.Module, judges: Mapping[str, nn.Module]) -> None:
        super().__init__()
        torchaudio_import()  # vocos imports torchaudio
        from vocos.loss import DiscriminatorLoss, FeatureMatchingLoss, GeneratorLoss

        self.generator = generator
        self.judges = nn.ModuleDict(judges)
        self.fool, self.tell = GeneratorLoss(), DiscriminatorLoss()
        self.match = FeatureMatchingLoss()

    def adversarial(self, made: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the losses of fooling, of matching features, and of the discriminators.

        Hinge losses (Lim & Ye 2017), each the mean over a discriminator's parts, summed over the
        discriminators. The generator's gradient passes through them and leaves them alone.
        """
        fooling, matching, telling = (made.new_zeros(()) for _ in range(3))
        for judge in self.judges.values():
            frozen = {name: value.detach() for name, value in judge.named_parameters()}
            judged = torch.func.functional_call(judge, frozen, (wanted, made))
            _, fooled, real_maps, made_maps = judged
            real, fake, _, _ = judge(wanted, made.detach())
            share = 1 / len(fooled)
            fooling = fooling + self.fool(fooled)[0].sum() * share
            matching = matching + self.match(real_maps, made_maps).sum() * share
            telling = telling + self.tell(real, fake)[0].sum() * share
        return fooling, matching, telling


def sound_judge(name: str) -> nn.Module:
    """Return a discriminator of sound by its name.

    ``period`` looks at every second, third, fifth, seventh and eleventh sample (Kong et al. 2020,
    HiFi-GAN), ``resolution`` at complex spectra of three windows (Kumar et al. 2023,
    arXiv:2306.06546). Their weights are normalised in a way that can be copied.
    """
    torchaudio_import()
    from vocos.discriminators import MultiPeriodDiscriminator, MultiResolutionDiscriminator

    kinds = {"period": MultiPeriodDiscriminator, "resolution": MultiResolutionDiscriminator}
    with warnings.catch_warnings(action="ignore", category=FutureWarning):
        judge: nn.Module = kinds[name]()
    for part in judge.modules():
        if isinstance(part, nn.Conv2d):
            nn.utils.remove_weight_norm(part)
            nn.utils.parametrizations.weight_norm(part)
    return judge
