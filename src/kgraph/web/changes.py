"""Who may change the data over HTTP, and how a change, or its refusal, is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import ParamSpec, TypeVar, cast

from starlette.requests import Request
from starlette.responses import Response

from kgraph.access import Role, Tokens
from kgraph.errors import ChangeRefusedError, RequestError
from kgraph.formats import JSON, ONE_GRAPH, PATCH, PLAIN, PROBLEM, SARIF, Format, by_name, negotiate
from kgraph.report import Report, Severity
from kgraph.resources.hints import Hint
from kgraph.sparql.adapting import adapt
from kgraph.sparql.protocol import UpdateOperation
from kgraph.sparql.text import Limits
from kgraph.sparql.update import UpdateText, read_update_text
from kgraph.store.answers import render_graph
from kgraph.store.base import Change, Outcome, Update, WritableStore
from kgraph.store.patch import render_patch
from kgraph.web.api import endpoint_address
from kgraph.web.exchanges import exchange_of
from kgraph.web.http import language_of, read_tags, run_in_threadpool
from kgraph.web.notices import HEADER, describe_hints, render_header, render_links
from kgraph.web.problems import problem_of
from kgraph.web.services import Services

_OUTCOMES = (JSON, *ONE_GRAPH, PLAIN, PATCH, SARIF)
_REFUSALS = (PROBLEM, JSON, *ONE_GRAPH, PLAIN, SARIF)
P = ParamSpec("P")
T = TypeVar("T")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="kgraph"'}


class Changes:
    """Carries out what requests ask for, if they may."""

    def __init__(self, services: Services, tokens: Tokens) -> None:
        """Change the store of ``services`` for those whom ``tokens`` name."""
        self._services = services
        self._tokens = tokens

    @property
    def store(self) -> WritableStore:
        """The store, which can be changed. Raises :class:`kgraph.errors.RequestError` (403) for one that cannot."""
        store = self._services.store
        if not hasattr(store, "change"):
            raise RequestError("read-only", 403)
        return cast(WritableStore, store)

    @property
    def are_taken(self) -> bool:
        """Whether there is anybody who may change the data."""
        return hasattr(self._services.store, "change") and bool(self._tokens)

    def authorise(self, request: Request) -> str:
        """Return who asks, before anything of the request's body is read.

        Raises :class:`kgraph.errors.RequestError`: 403 where nobody may change the data or the token is not for
        that, 401 without a token that is known.
        """
        if not self.are_taken:
            raise RequestError("read-only", 403)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise RequestError("token-missing", 401, headers=_CHALLENGE)
        holder = self._tokens.identify(token.strip())
        if holder is None:
            headers = {"WWW-Authenticate": 'Bearer realm="kgraph", error="invalid_token"'}
            raise RequestError("token-unknown", 401, headers=headers)
        if not holder.may(Role.CURATOR):
            raise RequestError("token-role", 403, name=holder.name, role=str(holder.role))
        return holder.name

    async def update(self, request: Request, operation: UpdateOperation, author: str) -> Response:
        """Carry out an update and tell what it came to."""
        address = endpoint_address(request, self._services.settings.public_address)
        text = await run_in_threadpool(self._read, operation.text, address)
        dataset = None
        if operation.default_graphs is not None or operation.named_graphs is not None:
            dataset = (operation.default_graphs or (), operation.named_graphs or ())
        change = Change(
            (Update(text.text, dataset),),
            author,
            request.query_params.get("reason", ""),
            operation.dry_run,
            revision=_expected_revision(request, self.store) or unmodified_revision(request, self.store),
            timeout=operation.timeout,
        )
        exchange_of(request.scope).form = text.steps[0].kind if text.steps else "UPDATE"
        outcome = await self.carry_out(change)
        hints = await self.remark(text.text, outcome)
        return self.tell(request, outcome, operation.dry_run, operation.format, hints=hints)

    async def carry_out(self, change: Change) -> Outcome:
        """Carry a change out; it goes on if its client leaves.

        Raises what :meth:`kgraph.store.base.WritableStore.change` raises, and ``ConnectionAbortedError`` if the server
        stops meanwhile.
        """
        return await self._in_thread(self.store.change, change)

    async def remark(self, text: str, outcome: Outcome) -> tuple[Hint, ...]:
        """Return what is to be said of names in an update that came to an outcome."""
        return await self._in_thread(self._services.hints.find_in_update, text, outcome.patch.added)

    async def _in_thread(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await run_in_threadpool(call, *args, **kwargs)
        except asyncio.CancelledError as error:
            # The change may count or not: an answer that says either could be false, a broken connection says neither.
            raise ConnectionAbortedError from error

    def _read(self, text: str, address: str) -> UpdateText:
        settings = self._services.settings
        limits = Limits(settings.max_update_length, settings.max_query_nesting, settings.max_query_branches)
        if len(text) <= limits.length:
            text = adapt(text, address, "Update")
        return read_update_text(text, limits)

    def tell(
        self,
        request: Request,
        outcome: Outcome,
        dry_run: bool,
        format: str | None = None,
        status: int = 200,
        hints: Sequence[Hint] = (),
    ) -> Response:
        """Return an outcome in the form a client asks for; one that asks for none of ours gets no body (204).

        ``hints`` are on names in the change. What a dry run came to is nowhere but in its body: without one, it raises
        :class:`kgraph.errors.RequestError` (406).
        """
        exchange_of(request.scope).revision = outcome.revision
        headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store"}
        if hints:
            headers |= {HEADER: render_header(hints), "Link": render_links(hints)}
        accept = request.headers.get("accept")
        chosen = by_name(format, _OUTCOMES) if format else negotiate(accept, _OUTCOMES)
        if chosen is None:
            if dry_run:
                raise RequestError("not-acceptable", 406, offered=", ".join(form.media_type for form in _OUTCOMES))
            return Response(status_code=204 if status == 200 else status, headers=headers)
        language = language_of(request, self._services.settings)
        if chosen is JSON:
            content = _render_json(_describe(outcome, dry_run, language) | {"notices": describe_hints(hints, language)})
        elif chosen is PATCH:
            header = {"revision": outcome.revision.tag} | ({"dry-run": "true"} if dry_run else {})
            content = render_patch(outcome.patch, header).encode()
        else:
            content = render_report(outcome.report, chosen, language)
        return Response(content, status, {**headers, "Content-Type": chosen.content_type})

    def refuse(self, request: Request, error: ChangeRefusedError) -> Response:
        """Return the report on a change that breaks rules, in the form a client asks for (422)."""
        language = language_of(request, self._services.settings)
        problem = problem_of(error, language)
        exchange_of(request.scope).outcome = problem.code
        chosen = negotiate(request.headers.get("accept"), _REFUSALS) or PROBLEM
        if chosen in (PROBLEM, JSON):
            chosen = PROBLEM
            document = problem.document(request.url.path) | {"report": error.report.to_dict(language)}
            content = _render_json(document)
        elif chosen is PLAIN:
            content = (problem.plain() + "\n" + error.report.render_text(language)).encode()
        else:
            content = render_report(error.report, chosen, language)
        headers = {
            "Vary": "Accept, Accept-Language",
            "Cache-Control": "no-store",
            "Content-Type": chosen.content_type,
            "Link": f'<{problem.document("")["type"]}>; rel="type"',
        }
        return Response(content, problem.status, headers)


def render_report(report: Report, format: Format, language: str) -> bytes:
    """Return a report as text, as SARIF, or in a format of graphs as a SHACL validation report."""
    if format is PLAIN:
        return report.render_text(language).encode()
    if format is SARIF:
        return report.to_sarif(language).encode()
    return render_graph(report.to_n_triples(), format)


def is_dry_run(request: Request) -> bool:
    """Tell whether a request is only to try its change. Raises :class:`kgraph.errors.RequestError` (400)."""
    found = request.query_params.get("dry-run", "false")
    if found not in ("true", "false"):
        raise RequestError("bad-parameter", 400, name="dry-run", found=found)
    return found == "true"


def unmodified_revision(request: Request, store: WritableStore) -> str:
    """Return the only revision that may be changed by ``If-Unmodified-Since`` (RFC 9110, section 13.1.4).

    Empty means any: without that field, with a date that is none, and beside ``If-Match``, which says more.
    """
    since = request.headers.get("if-unmodified-since", "")
    if not since or "if-match" in request.headers or store.revision is None:
        return ""
    try:
        date = parsedate_to_datetime(since)
    except ValueError:
        return ""
    return store.revision.tag if store.revision.date.replace(microsecond=0) <= date.astimezone(UTC) else "-"


def _expected_revision(request: Request, store: WritableStore) -> str:
    """Return the revision that ``If-Match`` names, which is then the only one that may be changed.

    Of several it is the present one; none of them, and a weak tag (RFC 9110, section 13.1.1), is one that no state has.
    """
    if "if-match" not in request.headers:
        return ""
    tags = read_tags(request, "if-match")
    present = store.revision.tag if store.revision else ""
    if "*" in tags:
        return ""
    return present if present and f'"{present}"' in tags else "-"


def _describe(outcome: Outcome, dry_run: bool, language: str) -> dict[str, object]:
    told: dict[str, object] = {
        "revision": {**outcome.revision.to_json(), "tag": outcome.revision.tag},
        "dryRun": dry_run,
        "conforms": not outcome.report.counts()[Severity.VIOLATION],
        "added": len(outcome.patch.added),
        "removed": len(outcome.patch.removed),
        "created": sorted(outcome.created),
        "dropped": sorted(outcome.dropped),
        "report": outcome.report.to_dict(language),
    }
    if dry_run:
        told["patch"] = render_patch(outcome.patch, {"dry-run": "true"})
    return told


def _render_json(content: Mapping[str, object]) -> bytes:
    return (json.dumps(content, ensure_ascii=False, indent=2) + "\n").encode()
