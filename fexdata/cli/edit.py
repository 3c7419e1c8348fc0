"""`fexdata edit`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from fexdata.evaluation.edit import Editor, Target
    from fexdata.evaluation.subject import Subject


@click.command()
@click.argument("run")
@click.argument("images", nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "--set", "sets", multiple=True, metavar="NAME=VALUE", help="A slider: AU12=0.8, jawOpen=1; again for more."
)
@click.option(
    "--expression", metavar="NAME", help="A named expression: neutral happy sad surprise fear disgust anger contempt."
)
@click.option("--neutral", is_flag=True, help="Take the expression away.")
@click.option("--from", "other", metavar="IMAGE", help="The expression of another photograph or row.")
@click.option("--sheet", is_flag=True, help="One sheet with every slider (or class) at several levels.")
@click.option("--strength", type=float, default=1.0, show_default=True, help="0: as it is; 1: as asked; beyond: more.")
@click.option("--steps", type=click.IntRange(2), help="A strip of so many pictures on the way there.")
@click.option("--gif", is_flag=True, help="The way there and back as an animation.")
@click.option("--data", metavar="DATASET", help="Where rows come from, and the mean of a named expression.")
@click.option("--out", metavar="FOLDER", default="edited", show_default=True)
def command(
    run: str,
    images: tuple[str, ...],
    sets: tuple[str, ...],
    expression: str | None,
    neutral: bool,
    other: str | None,
    sheet: bool,
    strength: float,
    steps: int | None,
    gif: bool,
    data: str | None,
    out: str,
) -> int:
    """Change the expression of faces with a trained method.

    IMAGE is a photograph (its largest face is edited and put back), or with --data the `sample_id` of a row.
    What is written says in its metadata that it was edited.

    \b
    fexdata edit runs/ganimation-pairs-1 me.jpg --set AU12=0.8
    fexdata edit runs/slidergan-pairs-1 me.jpg --from you.jpg --steps 7 --gif
    fexdata edit runs/stargan-pairs-1 me.jpg --expression happy
    """
    from pathlib import Path

    from fexdata.dataset.reader import open_dataset
    from fexdata.evaluation.edit import Editor
    from fexdata.evaluation.marked import write_gif, write_png
    from fexdata.evaluation.sheets import beside

    values = _sliders(sets)
    asked = [bool(values), expression is not None, neutral, other is not None, sheet]
    if sum(asked) != 1:
        raise click.UsageError("say what to do by one of --set, --expression, --neutral, --from, --sheet")
    editor = Editor.open(run, open_dataset(data) if data else None)
    for image in images:
        subject = _subject(editor, image)
        done: dict[str, Any] = {"method": editor.method.name, "strength": strength}
        folder = Path(out)
        if sheet:
            shown = editor.sheet(subject)
            path = folder / f"{subject.name}-sheet.png"
            write_png(path, shown.drawn(), done | {"sheet": [*shown.rows, *shown.columns]})
            click.echo(path)
            continue
        done |= {"set": values, "expression": "neutral" if neutral else expression, "from": other and Path(other).name}
        target = _target(editor, subject, values, "neutral" if neutral else expression, other)
        if steps or gif:
            frames = editor.strip(subject, target, steps=steps or 12, strength=strength)
        if steps:
            path = folder / f"{subject.name}-strip.png"
            write_png(path, beside(frames), done)
            click.echo(path)
        if gif:
            path = folder / f"{subject.name}.gif"
            write_gif(path, frames, done)
            click.echo(path)
        if not steps and not gif:
            path = folder / f"{subject.name}-edited.png"
            write_png(path, editor.picture(subject, editor.edit(subject, target, strength=strength)), done)
            click.echo(path)
    return 0


def _sliders(sets: tuple[str, ...]) -> dict[str, float]:
    values = {}
    for text in sets:
        name, equals, value = text.partition("=")
        try:
            values[name] = float(value if equals else "none")
        except ValueError:
            raise click.UsageError(f"--set {text}: expected NAME=NUMBER, for instance AU12=0.8") from None
    return values


def _subject(editor: Editor, image: str) -> Subject:
    from pathlib import Path

    return editor.photograph(image) if Path(image).is_file() else editor.row(image)


def _target(
    editor: Editor, subject: Subject, values: dict[str, float], expression: str | None, other: str | None
) -> Target:
    if values:
        return editor.sliders(subject, values)
    if expression is not None:
        return editor.neutral() if expression == "neutral" else editor.expression(expression)
    assert other is not None
    return editor.shown(_subject(editor, other))
