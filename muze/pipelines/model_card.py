"""The card of a model, README.md: what it is and knows, as its ``muze.json`` tells."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Header = Mapping[str, Any]  # Any: JSON of muze.json
EVALUATION = "## How well it follows"


def model_card(name: str, header: Header) -> str:
    """Return the card in Markdown, headed by what a hub reads of it."""
    return "\n\n".join(part for part in _parts(name, header) if part) + "\n"


def evaluation_part(header: Header) -> str:
    """Return the part of a card that tells how well the model follows."""
    return "\n\n".join([EVALUATION, *_evaluation(header.get("evaluation", {}))])


def renewed_card(card: str, header: Header) -> str:
    """Return a card whose part on how well the model follows is the header's; the rest stays.

    A card without such a part gets it at its end.
    """
    before, _, rest = card.partition(f"{EVALUATION}\n")
    _, heading, after = rest.partition("\n## ")
    part = f"{evaluation_part(header)}\n"
    return f"{before.rstrip()}\n\n{part}{heading}{after}"


def _parts(name: str, header: Header) -> Iterator[str]:
    yield _front(header)
    yield f"# {name}"
    yield "A model of muze: words and a plan to music, by latent diffusion."
    yield _table(
        ("part", "weights", "trained for"), [_part(*one) for one in header["parts"].items()]
    )
    yield "## What it was trained on"
    yield from _data(header)
    yield "## What a song can say to it"
    yield from _streams(header)
    yield evaluation_part(header)
    yield "## How to use it"
    yield f'```\nmuze generate "words for the sound" --model {name}\n```'
    yield "## Limits"
    yield from _limits(header)
    yield "## Licence"
    yield f"{header['licence']}."


def _front(header: Header) -> str:
    told = {"license": header["licence"].lower(), "library_name": "muze",
            "tags": ["music", "text-to-music", "muze"]}  # fmt: skip
    base = header.get("base") or {}
    if base.get("model", "").count("/") == 1:  # the hub knows nothing of installed models
        told["base_model"] = base["model"]
    return "\n".join(
        ["---", *(f"{key}: {json.dumps(value)}" for key, value in told.items()), "---"]
    )


def _part(part: str, about: Header) -> tuple[str, str, str]:
    size = about.get("parameters", 0)
    weights = f"{size / 1e6:.1f} M" if size else "not told"
    if "lora" in about:
        weights += f", of which LoRA of rank {about['lora']['rank']} was trained"
    training = about.get("training", {})
    heard = f", {training['hours_heard']} hours heard" if "hours_heard" in training else ""
    steps = f"{training['steps']} steps{heard}" if "steps" in training else "not told"
    return f"{part} {about['name']}" if about.get("name") else part, weights, steps


def _data(header: Header) -> Iterator[str]:
    if header.get("data"):
        yield header["data"]
    told = [
        f"- {part}: {data['tracks']} tracks, {data['hours']:g} hours ({data['dataset']})"
        for part, about in header["parts"].items()
        if isinstance(data := about.get("data"), Mapping)
    ]
    if told:
        yield "\n".join(told)
    if base := header.get("base") or header.get("made_of"):
        yield f"It was fine-tuned from {base['model']}; what that was trained on, its card tells."
    if not told and not header.get("data"):
        yield "Its header does not tell."


def _streams(header: Header) -> Iterator[str]:
    about = header["parts"].get("denoiser", {})
    streams = about.get("streams", {})
    if not streams:
        yield "Nothing: it has no denoiser."
        return
    rows = []
    for name, told in streams.items():
        unseen = told.get("unseen")
        missing = sum(len(found) for found in (unseen or {}).values())
        met = f"all but {missing} of its values" if missing else "all of its values"
        met = "never told" if unseen is None else met
        rows.append((name, str(told["feature_version"]), met))
    yield _table(("stream", "version of its features", "in training"), rows)


def _evaluation(found: Header) -> Iterator[str]:
    told, dropped = found.get("told", {}), found.get("dropped", {})
    if not told:
        yield (
            "Not measured. `muze evaluate --suite held-out --model FOLDER --write-evaluation` does."
        )
        return
    render = found.get("render", {})
    yield (
        f"{render.get('manifests', 'Some')} manifests of {render.get('suite', 'held-out')}, "
        "rendered by "
        f"{render.get('sampler', 'a sampler')} in {render.get('steps', 'some')} steps: told all "
        "they say, and told their words alone."
    )
    columns = {"told": told, "words alone": dropped}
    if best := found.get("best"):
        columns[f"best of {render.get('best_of', 'several')}"] = best
    rows = [
        (name, *(f"{one[name]:.3f}" if name in one else "-" for one in columns.values()))
        for name in told
    ]
    yield _table(("figure", *columns), rows)
    if sound := found.get("sound"):
        yield "\n".join(f"- {name}: {value:.3f}" for name, value in sound.items())


def _limits(header: Header) -> Iterator[str]:
    own = header["parts"].get("vocoder", {}).get("name")
    heard = header.get("vocoder") or own or "griffin_lim"
    weights = "" if own == heard else ", which has no weights of its own here"
    lines = [f"- It is heard through the vocoder {heard}{weights}."]
    lines.append("- It knows what its training songs had; what it never met, muze refuses by name.")
    if header.get("base"):
        lines.append(
            f"- It needs {header['base']['model']} beside it, in exactly the weights it was "
            "fine-tuned from."
        )
    yield "\n".join(lines)


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ("---",) * len(head), *rows))
