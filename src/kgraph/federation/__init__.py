"""Calls of other endpoints (SPARQL 1.1 Federated Query): the one way in which a request makes the server call out.

Only endpoints that the operator lists are called, and only at public addresses. The web process calls them before the
query is evaluated, so that the processes which evaluate need no network and have none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import anyio.to_thread
import httpx

from kgraph import __version__
from kgraph.errors import ServiceCallError, StoreBusyError
from kgraph.federation.addresses import Resolver, read_endpoints, split_address
from kgraph.federation.answers import check_head, read_body, read_solutions
from kgraph.formats import JSON_RESULTS
from kgraph.sparql.federation import ServiceCall, Solution

_SHOWN = 200


@dataclass(frozen=True)
class FederationLimits:
    """How much calls may take.

    ``connections`` may be open at once, for one of which a call waits ``patience`` seconds; one call may take
    ``timeout`` seconds from then on, and its answer may have ``answer`` bytes and ``rows`` rows.
    """

    connections: int = 8
    patience: float = 5.0
    timeout: float = 5.0
    answer: int = 4 * 1024 * 1024
    rows: int = 10_000


@dataclass(frozen=True)
class Solved:
    """What a call came to: solutions, or ``failure`` where SERVICE SILENT passes over it (one without bindings)."""

    call: ServiceCall
    solutions: tuple[Solution, ...]
    failure: ServiceCallError | None = None


class Federation:
    """The endpoints that may be called. Used by one event loop alone; ``calls`` and ``failures`` count."""

    def __init__(self, written: str, limits: FederationLimits | None = None) -> None:
        """Read the list of endpoints. Raises :class:`kgraph.errors.SettingError` for one that may not be on it."""
        self.endpoints = read_endpoints(written)
        self.calls = self.failures = self.open = 0
        self._limits = limits or FederationLimits()
        self._resolver = Resolver()
        self._context = httpx.create_ssl_context()
        self._places = asyncio.Semaphore(self._limits.connections)

    async def solve(self, calls: Sequence[ServiceCall]) -> tuple[Solved, ...]:
        """Make the calls of a query, all at once and those that ask the same only once; return what each came to.

        Raises :class:`kgraph.errors.ServiceCallError` with the place of the call, and
        :class:`kgraph.errors.StoreBusyError`. If it is cancelled, so are the calls.
        """
        different = {(call.address, call.query): call for call in calls}
        asked = {key: asyncio.create_task(self._ask(call)) for key, call in different.items()}
        solving = [asyncio.create_task(self._solve(call, asked[call.address, call.query])) for call in calls]
        try:
            return tuple(await asyncio.gather(*solving))
        finally:
            tasks = (*asked.values(), *solving)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _solve(self, call: ServiceCall, task: asyncio.Task[tuple[Solution, ...]]) -> Solved:
        try:
            return Solved(call, await task)
        except ServiceCallError as error:
            if call.is_silent and error.is_failure:
                return Solved(call, ((None,) * len(call.variables),), error)
            # Of several calls that ask the same, the error has the place of the first.
            place: dict[str, str | int] = {"address": call.address, "line": call.line, "column": call.column}
            error.params = place | error.params
            raise

    async def _ask(self, call: ServiceCall) -> tuple[Solution, ...]:
        try:
            async with asyncio.timeout(self._limits.patience):
                await self._places.acquire()
        except TimeoutError as error:
            raise StoreBusyError("no connection to another endpoint became free") from error
        self.calls += 1
        self.open += 1
        try:
            async with asyncio.timeout(self._limits.timeout):
                body = await self._fetch(call)
            return await anyio.to_thread.run_sync(read_solutions, body, call.variables, self._limits.rows)
        except TimeoutError as error:
            self.failures += 1
            raise ServiceCallError(
                "service-timeout", 504, is_failure=True, seconds=f"{self._limits.timeout:g}"
            ) from error
        except ServiceCallError:
            self.failures += 1
            raise
        finally:
            self.open -= 1
            self._places.release()

    async def _fetch(self, call: ServiceCall) -> bytes:
        """Return what an endpoint answers, asked at the first of its addresses that can be reached."""
        host, port = split_address(call.address)
        addresses = await self._resolver.resolve(host, port)
        reason = "it has no address"
        for address in addresses:
            try:
                return await self._post(call, address, self._limits.timeout / len(addresses))
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                reason = str(error) or "it does not answer"
            except httpx.HTTPError as error:
                raise ServiceCallError(
                    "service-unreadable", 502, is_failure=True, reason=f"it was cut: {error}"[:_SHOWN]
                ) from error
        raise ServiceCallError("service-unreachable", 502, is_failure=True, reason=reason[:_SHOWN])

    async def _post(self, call: ServiceCall, address: str, patience: float) -> bytes:
        url = httpx.URL(call.address)
        # The connection goes to the very address that was looked at; the name is told in the head and in the handshake.
        # Each call has a connection of its own, so that no other name at that address gets it. Nothing is taken from
        # the environment, and no redirect is followed.
        async with httpx.AsyncClient(
            verify=self._context, trust_env=False, follow_redirects=False, timeout=httpx.Timeout(None, connect=patience)
        ) as client:
            request = client.build_request(
                "POST",
                url.copy_with(host=address),
                data={"query": call.query},
                headers={
                    "Host": url.netloc.decode("ascii"),
                    "Accept": JSON_RESULTS.media_type,
                    "Accept-Encoding": "identity",
                    "Connection": "close",
                    "User-Agent": f"kgraph/{__version__}",
                },
                extensions={"sni_hostname": url.host},
            )
            response = await client.send(request, stream=True)
            try:
                check_head(response, self._limits.answer)
                return await read_body(response, self._limits.answer)
            finally:
                await response.aclose()
