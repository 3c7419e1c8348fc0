"""`fexdata`: one verb per file; a verb is imported only when it is called."""

from __future__ import annotations

import importlib
import sys

import click

VERBS = {
    "doctor": "What works on this machine, what is missing, how to get it.",
    "synth": "Make a corpus of people who do not exist, with truth, in a real corpus's layout.",
    "build": "Make a dataset from a corpus of photographs, or bring one up to date.",
    "status": "How far a build is and what it found.",
    "validate": "Check a finished dataset against its card, down to every picture.",
    "report": "One HTML page about a dataset: counts, acceptance, measurements, faces.",
    "diff": "What changed between two builds, column by column.",
    "train": "Train a method on a built dataset.",
    "edit": "Edit expressions of photographs or dataset rows with a trained method.",
    "predict-depth": "Read depth off photographs with a dense-geometry run's network.",
    "evaluate": "The papers' metrics of a trained method, on held-out people.",
    "review": "Look at rejected and doubtful faces in the browser, and decide.",
    "models": "Face models, detectors and weights: installed, licence, hash.",
    "gc": "Remove files that no build refers to.",
}


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        name = cmd_name.lower()
        if name not in VERBS:
            return None
        module = importlib.import_module(f"fexdata.cli.{name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        # From the table above, so that help imports no verb.
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fexdata")
def cli() -> None:
    """Face photographs in; reviewed, training-ready expression datasets out."""


def main() -> None:
    """Entry point. Errors that a person can mend are one line, exit status 2."""
    from fexdata.errors import FexdataError

    try:
        status = cli.main(standalone_mode=False)
    except FexdataError as error:
        click.echo(f"fexdata: {error}", err=True)
        status = 2
    except click.UsageError as error:
        error.show()
        status = 2
    except click.exceptions.Exit as error:
        status = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        goes_on = "; the same command goes on where this one stopped" if sys.argv[1:2] in (["build"], ["synth"]) else ""
        goes_on = goes_on or ("; the same command with --resume goes on" if sys.argv[1:2] == ["train"] else "")
        click.echo(f"fexdata: interrupted{goes_on}", err=True)
        status = 130
    except BrokenPipeError:
        status = 0
    except OSError as error:  # a full disk, a folder that may not be written: nobody's bug
        click.echo(f"fexdata: {_told(error)}", err=True)
        status = 2
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()


def _told(error: OSError) -> str:
    text = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {text}" if error.filename else text
