"""The command ``kgraph``.

Importing this package is cheap: engines and frameworks are imported by the command that needs them.
"""

from kgraph.cli.app import run

__all__ = ["run"]
