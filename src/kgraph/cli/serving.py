"""``kgraph serve``."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from kgraph.cli.options import HomeOption, StateOption, folders_of


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; 127.0.0.1 if not given.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on; 8000 if not given, 0 for any free one.")] = None,
    home: HomeOption = None,
    state: StateOption = None,
) -> None:
    """Serve the graph: SPARQL endpoint, pages and files, until interrupted.

    With a state directory and a token (kgraph token create) the graph can be changed too.
    """
    from kgraph.settings import load_settings, unknown_variables
    from kgraph.web.server import serve as serve_until_interrupted

    for name, alike in unknown_variables(os.environ).items():
        typer.echo(f"kgraph: {name} is no setting" + (f"; is {alike} meant?" if alike else ""), err=True)
    folders = folders_of(home, state)
    settings = load_settings(os.environ, host=host, port=port, home=folders.home, state=folders.state)
    serve_until_interrupted(settings, folders.home)
