"""``kgraph token``: who may change the data."""

from __future__ import annotations

from typing import Annotated

import typer

from kgraph.access import Role, create_token, load_tokens, revoke_token
from kgraph.cli.options import HomeOption, StateOption, state_of

app = typer.Typer(help="Make, list and revoke the tokens with which the data may be changed.", no_args_is_help=True)


@app.command()
def create(
    role: Annotated[Role, typer.Option(help="curator: may change the data; steward: for submissions, may not.")],
    name: Annotated[str, typer.Option(help="Who will hold it, as changes will name them.", show_default=False)] = "",
    state: StateOption = None,
    home: HomeOption = None,
) -> None:
    """Make a token and print it, this once; only its digest is kept."""
    token, holder = create_token(state_of(home, state), role, name)
    typer.echo(token)
    typer.echo(f'This is the only time it is shown. Its name is "{holder.name}", its role {holder.role}.', err=True)


@app.command("list")
def list_tokens(state: StateOption = None, home: HomeOption = None) -> None:
    """List the names, roles and dates of the tokens that there are."""
    records = load_tokens(state_of(home, state))
    width = max((len(record.holder.name) for record in records), default=0)
    for record in records:
        typer.echo(f"{record.holder.name.ljust(width)}  {record.holder.role:<7}  {record.created:%Y-%m-%d %H:%M} UTC")


@app.command()
def revoke(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Name of the token.", show_default=False)],
    state: StateOption = None,
    home: HomeOption = None,
) -> None:
    """Make a token worthless; a server that runs lets its holder in no more."""
    revoke_token(state_of(home, state), name)
    typer.echo(f'The token "{name}" is revoked.')
