"""Virtuoso Open Source, as Debian packages it: a database of its own in a temporary folder, loaded in bulk."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from generate import Graph
from servers import Server, ServerError, find_command, free_port

GRAPH = "urn:kgraph:benchmark"
"""The named graph that is loaded and asked; Virtuoso keeps others of its own."""

# Buffers of 8 KiB and limits of dirty ones as its manual advises for 2 GB; as many threads as connections are opened.
_SETTINGS = """
[Database]
DatabaseFile = {folder}/virtuoso.db
ErrorLogFile = {folder}/virtuoso-errors.log
LockFile = {folder}/virtuoso.lck
TransactionFile = {folder}/virtuoso.trx
xa_persistent_file = {folder}/virtuoso.pxa
FileExtend = 200
TempStorage = TempDatabase
[TempDatabase]
DatabaseFile = {folder}/virtuoso-temp.db
TransactionFile = {folder}/virtuoso-temp.trx
[Parameters]
ServerPort = 127.0.0.1:{sql}
DisableUnixSocket = 1
MaxClientConnections = 50
DirsAllowed = {allowed}
NumberOfBuffers = 170000
MaxDirtyBuffers = 130000
MaxQueryMem = 2G
VADInstallDir = {folder}
CheckpointInterval = 0
[HTTPServer]
ServerPort = 127.0.0.1:{http}
ServerRoot = {folder}
MaxClientConnections = 50
ServerThreads = 50
MaxKeepAlives = 50
KeepAliveTimeout = 30
[SPARQL]
ResultSetMaxRows = 2000000
"""


class Virtuoso(Server):
    """``virtuoso-t`` with its column store on disk and its buffers in memory."""

    name = "virtuoso"

    def __init__(self) -> None:
        """Look for the server and its SQL client."""
        super().__init__()
        self._command = find_command("virtuoso-t")
        self._client = find_command("isql-vt")

    def missing(self) -> str | None:
        """Return why it cannot be started: a command is not there."""
        if self._command and self._client:
            return None
        return "no commands virtuoso-t and isql-vt (apt-get install virtuoso-opensource)"

    def version(self) -> str:
        """Return what the command says of its version."""
        said = subprocess.run([self._command, "-?"], capture_output=True, text=True, check=False)
        line = next(line for line in (said.stdout + said.stderr).splitlines() if line.startswith("Version"))
        return f"Virtuoso {line.split()[1]}"

    def _parameters(self) -> dict[str, str]:
        return {"default-graph-uri": GRAPH}

    def _launch(self, graph: Graph, folder: Path) -> None:
        database = folder / "virtuoso"
        shutil.rmtree(database, ignore_errors=True)
        database.mkdir()
        self.port, sql = free_port(), free_port()
        settings = database / "virtuoso.ini"
        allowed = ", ".join(sorted({str(path.resolve().parent) for path in graph.files}))
        values = {"folder": database, "sql": sql, "http": self.port, "allowed": allowed}
        settings.write_text(_SETTINGS.format_map(values), encoding="utf-8")
        self.run([self._command, "+foreground", "+configfile", str(settings)], folder)
        self.wait_until(self.listens)
        statements = [
            f"ld_dir('{path.resolve().parent}', '{path.name}', '{GRAPH}');" for path in map(Path, graph.files)
        ]
        self._tell(sql, [*statements, "rdf_loader_run();", "checkpoint;"])
        failed = self._tell(sql, ["SELECT ll_file, ll_error FROM DB.DBA.load_list WHERE ll_error IS NOT NULL;"])
        if graph.home.name in failed:
            raise ServerError(f"virtuoso did not load all: {failed}")

    def _tell(self, port: int, statements: list[str]) -> str:
        command = [self._client, f"127.0.0.1:{port}", "dba", "dba", "ERRORS=STDOUT", "VERBOSE=OFF"]
        try:
            done = subprocess.run(
                command,
                input="\n".join(statements),
                capture_output=True,
                text=True,
                check=False,
                timeout=self.longest_start,
            )
        except subprocess.TimeoutExpired:
            raise ServerError(f"virtuoso had not loaded all after {self.longest_start:.0f} s") from None
        if done.returncode != 0 or "*** Error" in done.stdout:
            raise ServerError(f"virtuoso: {done.stdout[-500:]} {done.stderr[-500:]}")
        return done.stdout
