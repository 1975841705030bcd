"""The calls of other endpoints in a query: made before it is asked, within its time, as long as it has a client."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request

from kgraph.errors import QueryFailedError, QueryTimeoutError
from kgraph.resources.hints import PASSED_OVER, Hint
from kgraph.sparql.federation import FilledText, inline_data
from kgraph.sparql.names import Name
from kgraph.store.base import Cancellation
from kgraph.web.http import run_in_threadpool
from kgraph.web.questions import Question
from kgraph.web.services import Services

if TYPE_CHECKING:
    from kgraph.federation import Federation, Solved


async def fill(services: Services, question: Question) -> Question:
    """Return a question whose calls are made and replaced by what they were answered; its time is what they left.

    Raises :class:`kgraph.errors.ServiceCallError` for a call without an answer,
    :class:`kgraph.errors.QueryTimeoutError` if the time is up, and :class:`kgraph.errors.StoreError` if the query is
    given up.
    """
    federation, query = services.federation, question.query
    assert federation is not None and query.cancellation is not None
    longest = services.settings.query_timeout
    seconds = min(query.timeout or longest, longest)
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            solved = await _solve(federation, question, query.cancellation)
    except TimeoutError as error:
        raise QueryTimeoutError(seconds) from error
    filled = await run_in_threadpool(_put_in, question, solved)
    left = seconds - (time.monotonic() - began)
    if left <= 0:
        raise QueryTimeoutError(seconds)
    return replace(filled, query=replace(filled.query, timeout=left))


async def fill_watched(services: Services, question: Question, request: Request) -> Question:
    """Do what :func:`fill` does for a request whose client nobody else watches."""
    cancellation = question.query.cancellation
    assert cancellation is not None
    watch = asyncio.create_task(wait_for_client_to_leave(request, cancellation))
    try:
        return await fill(services, question)
    finally:
        watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watch


async def wait_for_client_to_leave(request: Request, cancellation: Cancellation) -> None:
    """Give a query up when its client leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    await run_in_threadpool(cancellation.cancel)


async def _solve(federation: Federation, question: Question, cancellation: Cancellation) -> tuple[Solved, ...]:
    loop = asyncio.get_running_loop()
    work = asyncio.ensure_future(federation.solve(question.text.calls))

    def give_up() -> None:
        loop.call_soon_threadsafe(work.cancel)

    cancellation.on_cancel(give_up)
    try:
        return await work
    except asyncio.CancelledError:
        if cancellation.cancelled:
            raise QueryFailedError("the query was given up") from None
        raise


def _put_in(question: Question, solved: tuple[Solved, ...]) -> Question:
    blocks = tuple(inline_data(each.call.variables, each.solutions) for each in solved)
    filled = FilledText(question.text.text, question.text.calls, blocks)
    remarks = tuple(
        Hint(PASSED_OVER, Name(call.address, f"<{call.address}>", call.line, call.column), cause=each.failure.code)
        for each in solved
        if each.failure is not None
        for call in (each.call,)
    )
    return replace(question, query=replace(question.query, text=filled.text), filled=filled, remarks=remarks)
