"""The language server: what the rest of this package says, over the language server protocol."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from lsprotocol import types as lsp
from pygls import uris
from pygls.lsp.server import LanguageServer

import tiledmap
from tiledmap.editor.completion import Completion, completions
from tiledmap.editor.definition import definition
from tiledmap.editor.fixes import Fix, fixes
from tiledmap.editor.hover import hover
from tiledmap.editor.places import Places, Position
from tiledmap.editor.symbols import Symbol, symbols
from tiledmap.editor.workspace import Document, Workspace, form_of, place_of
from tiledmap.problems import Note, Problem, Severity, Span

PAUSE = 0.05
"""Seconds without a change after which a text is checked: nobody types that fast for long."""

_KINDS = {
    "keyword": lsp.CompletionItemKind.Property,
    "word": lsp.CompletionItemKind.EnumMember,
    "field": lsp.CompletionItemKind.Field,
    "function": lsp.CompletionItemKind.Function,
    "name": lsp.CompletionItemKind.Variable,
    "setting": lsp.CompletionItemKind.Constant,
    "rule": lsp.CompletionItemKind.Reference,
    "mapping": lsp.CompletionItemKind.Module,
}
_SYMBOL_KINDS = {
    "section": lsp.SymbolKind.Namespace,
    "rule": lsp.SymbolKind.Object,
    "setting": lsp.SymbolKind.Constant,
}
_TRIGGERS = [".", " ", "(", "{", "[", '"']


class MappingServer(LanguageServer):
    """A language server, and the mappings that its editor has open."""

    def __init__(self) -> None:
        super().__init__(
            "tiledmap",
            tiledmap.__version__,
            text_document_sync_kind=lsp.TextDocumentSyncKind.Full,  # mappings are small
        )
        self.mappings = Workspace()
        self._open: dict[str, int | None] = {}
        self._waiting: dict[str, asyncio.TimerHandle] = {}

    # ------------------------------------------------------------ texts

    def take(self, uri: str, text: str, version: int | None) -> None:
        """Take a text as it is in the editor, and check it when it has rested."""
        self._open[uri] = version
        self.mappings.put(path_of(uri), text)
        self.check_soon([uri])

    def forget(self, uri: str) -> None:
        """Let go of a text that the editor has closed."""
        self._open.pop(uri, None)
        self.mappings.drop(path_of(uri))
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, []))
        self.check_dependents(path_of(uri))

    def check_dependents(self, path: Path) -> None:
        """Check what stands on a file again."""
        self.check_soon(
            uri
            for uri in self._open
            if path_of(uri) != path
            and (known := self.known(uri)) is not None
            and self.mappings.stands_on(known, path)
        )

    def check_all(self) -> None:
        """Check every open mapping again: files have changed."""
        self.check_soon(list(self._open))

    def check_soon(self, urls: Iterable[str]) -> None:
        """Check texts after a pause, in which they may change again."""
        loop = asyncio.get_running_loop()
        for uri in list(urls):
            if (waiting := self._waiting.pop(uri, None)) is not None:
                waiting.cancel()
            self._waiting[uri] = loop.call_later(PAUSE, self._check, uri)

    def _check(self, uri: str) -> None:
        self._waiting.pop(uri, None)
        if uri not in self._open:
            return
        path = path_of(uri)
        before = self.mappings.last(path)
        text = self.mappings.text(path) or ""
        problems: list[lsp.Diagnostic] = []
        if form_of(text) is not None:
            document = self.mappings.check(path)
            problems = [self._diagnostic(each, document) for each in document.problems]
        version = self._open[uri]
        self.text_document_publish_diagnostics(lsp.PublishDiagnosticsParams(uri, problems, version))
        if before is None or before.text != text:
            self.check_dependents(path)

    def known(self, uri: str) -> Document | None:
        """Give what was made of an open text last."""
        return self.mappings.last(path_of(uri)) if uri in self._open else None

    def document(self, uri: str, even_if_empty: bool = False) -> Document | None:
        """Give what is made of an open text as it is now; None where it is none of ours."""
        text = self.mappings.text(path_of(uri)) if uri in self._open else None
        if text is None or not (form_of(text) or (even_if_empty and not text.strip())):
            return None
        return self.mappings.document(path_of(uri))

    # ------------------------------------------------------------ places

    def places(self, text: str) -> Places:
        """Give the places of a text, counted as the editor does."""
        encoding = self.server_capabilities.position_encoding or lsp.PositionEncodingKind.Utf16
        return Places(text, lsp.PositionEncodingKind(encoding).value)

    def index(self, document: Document, position: lsp.Position) -> int:
        """Find the character at a position."""
        return self.places(document.text).index_at(Position(position.line, position.character))

    def range(self, span: Span, text: str) -> lsp.Range:
        """Say how the editor counts a span."""
        start, end = self.places(text).range_of(span)
        return lsp.Range(lsp.Position(*start), lsp.Position(*end))

    def location(self, span: Span, document: Document) -> lsp.Location | None:
        """Name a span of any file; None where it is in no file."""
        path = place_of(span.file)
        text = self.mappings.text(path)
        if text is None:
            return None
        own = span.file == document.file
        uri = next((uri for uri in self._open if own and path_of(uri) == path), None)
        return lsp.Location(uri or str(uris.from_fs_path(str(path))), self.range(span, text))

    def _diagnostic(self, problem: Problem, document: Document) -> lsp.Diagnostic:
        words = [problem.message, problem.label, problem.hint]
        error = problem.severity is Severity.ERROR
        return lsp.Diagnostic(
            self.range(problem.span, document.text),
            "\n".join(each for each in words if each),
            severity=lsp.DiagnosticSeverity.Error if error else lsp.DiagnosticSeverity.Warning,
            code=problem.code,
            source="tiledmap",
            related_information=[
                lsp.DiagnosticRelatedInformation(location, note.message)
                for note in problem.notes
                if (location := self._note(note, document)) is not None
            ],
        )

    def _note(self, note: Note, document: Document) -> lsp.Location | None:
        return self.location(note.span, document) if note.span is not None else None


def path_of(uri: str) -> Path:
    """Find the file of a text; for one that has none yet, where it would be."""
    return Path(uris.to_fs_path(uri) or uri.rpartition(":")[2] or "untitled.yaml").absolute()


# ---------------------------------------------------------------- what it answers


def make_server() -> MappingServer:
    """Make the server, with everything that it answers."""
    server = MappingServer()
    _follow_texts(server)
    _answer(server)
    return server


def _follow_texts(server: MappingServer) -> None:
    @server.feature(lsp.INITIALIZED)
    def initialized(params: lsp.InitializedParams) -> None:
        """Ask to be told of files that change beside the editor."""
        workspace = server.client_capabilities.workspace
        watched = workspace.did_change_watched_files if workspace is not None else None
        if watched is not None and watched.dynamic_registration:
            watchers = [lsp.FileSystemWatcher("**/*.{yaml,yml}")]
            options = lsp.DidChangeWatchedFilesRegistrationOptions(watchers)
            method = lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES
            server.client_register_capability(
                lsp.RegistrationParams([lsp.Registration("files", method, options)])
            )

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: lsp.DidOpenTextDocumentParams) -> None:
        document = params.text_document
        server.take(document.uri, document.text, document.version)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: lsp.DidChangeTextDocumentParams) -> None:
        uri = params.text_document.uri
        source = server.workspace.get_text_document(uri).source
        server.take(uri, source, params.text_document.version)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def saved(params: lsp.DidSaveTextDocumentParams) -> None:
        server.check_all()

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: lsp.DidCloseTextDocumentParams) -> None:
        server.forget(params.text_document.uri)

    @server.feature(lsp.WORKSPACE_DID_CHANGE_WATCHED_FILES)
    def files_changed(params: lsp.DidChangeWatchedFilesParams) -> None:
        server.check_all()


def _answer(server: MappingServer) -> None:
    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def on_hover(params: lsp.HoverParams) -> lsp.Hover | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        found = hover(document, server.index(document, params.position))
        if found is None:
            return None
        words = lsp.MarkupContent(lsp.MarkupKind.Markdown, found.markdown)
        return lsp.Hover(words, server.range(found.span, document.text))

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def on_definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        document = server.document(params.text_document.uri)
        if document is None:
            return None
        span = definition(document, server.index(document, params.position))
        return server.location(span, document) if span is not None else None

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION, lsp.CompletionOptions(trigger_characters=_TRIGGERS)
    )
    def on_completion(params: lsp.CompletionParams) -> lsp.CompletionList | None:
        document = server.document(params.text_document.uri, even_if_empty=True)
        if document is None:
            return None
        index = server.index(document, params.position)
        place = server.places(document.text).position_of
        items = [
            _item(
                number, each, lsp.Range(lsp.Position(*place(index - each.typed)), params.position)
            )
            for number, each in enumerate(completions(document, index))
        ]
        return lsp.CompletionList(is_incomplete=False, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_DOCUMENT_SYMBOL)
    def on_symbols(params: lsp.DocumentSymbolParams) -> list[lsp.DocumentSymbol]:
        document = server.document(params.text_document.uri)
        if document is None:
            return []

        def range_of(span: Span) -> lsp.Range:
            return server.range(span, document.text)

        return [_symbol(each, range_of) for each in symbols(document)]

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )
    def on_code_action(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document = server.document(params.text_document.uri)
        if document is None:
            return []
        start, end = (
            server.index(document, place) for place in (params.range.start, params.range.end)
        )
        return [_action(each, params, server, document) for each in fixes(document, start, end)]


def _item(number: int, completion: Completion, written: lsp.Range) -> lsp.CompletionItem:
    documentation = lsp.MarkupContent(lsp.MarkupKind.Markdown, completion.documentation)
    return lsp.CompletionItem(
        completion.label,
        kind=_KINDS[completion.kind],
        detail=completion.detail or None,
        documentation=documentation if completion.documentation else None,
        sort_text=f"{number:04d}",
        filter_text=completion.label,
        text_edit=lsp.TextEdit(written, completion.text),
    )


def _symbol(symbol: Symbol, range_of: Callable[[Span], lsp.Range]) -> lsp.DocumentSymbol:
    return lsp.DocumentSymbol(
        symbol.name,
        _SYMBOL_KINDS[symbol.kind],
        range_of(symbol.span),
        range_of(symbol.name_span),
        detail=symbol.detail or None,
        children=[_symbol(child, range_of) for child in symbol.children],
    )


def _action(
    fix: Fix, params: lsp.CodeActionParams, server: MappingServer, document: Document
) -> lsp.CodeAction:
    edits = [lsp.TextEdit(server.range(span, document.text), fix.words) for span in fix.spans]
    place = server.range(fix.problem.span, document.text)
    mended = [
        each
        for each in params.context.diagnostics
        if each.code == fix.problem.code and each.range == place
    ]
    return lsp.CodeAction(
        fix.title,
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=mended,
        is_preferred=True,
        edit=lsp.WorkspaceEdit(changes={params.text_document.uri: edits}),
    )


# ---------------------------------------------------------------- running


def serve() -> None:
    """Answer an editor over standard input and output, until it says that it leaves."""
    make_server().start_io(sys.stdin.buffer, _own_stdout())


def _own_stdout() -> BinaryIO:
    """Keep standard output for the editor: what modules of a facility print goes to stderr."""
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return output
