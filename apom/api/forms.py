"""Multipart forms read as they come: fields are remembered, files are handed on piece by piece and never kept here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from apom.errors import Invalid

FIELD_BYTES = 8192
FIELDS = 20


@dataclass(frozen=True, kw_only=True)
class Part:
    """The head of a field, or of a file when it has a `filename`."""

    name: str
    filename: str | None


@dataclass(kw_only=True)
class Form:
    """A form whose body is still coming. `fields`: those that have come."""

    body: Iterable[bytes]
    content_type: str
    fields: dict[str, str] = field(default_factory=dict)

    def files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """Each file's name and content; what of it is not read is passed over. Raises Invalid for what is no form."""
        news = self._news()
        for part in news:
            if not isinstance(part, Part):
                continue
            content = _content(news)
            if part.filename is None:
                self._remember(part.name, content)
            else:
                yield part.filename, content
                deque(content, maxlen=0)

    def _remember(self, name: str, content: Iterator[bytes]) -> None:
        value = bytearray()
        for chunk in content:
            value += chunk
            if len(value) > FIELD_BYTES:
                raise Invalid("A field of the form is too long.", field=name[:60])
        if len(self.fields) >= FIELDS:
            raise Invalid("The form has too many fields.")
        self.fields[name] = value.decode("utf-8", "replace")

    def _news(self) -> Iterator[Part | bytes | None]:
        """The head of a part, pieces of its content, None at its end; and so on."""
        try:
            parser = _Parser(self.content_type)
            for chunk in self.body:
                yield from parser.read(chunk)
            parser.end()
        except FormParserError as error:
            raise Invalid("This is not a form with files (multipart/form-data), or only a part of one.") from error


def _content(news: Iterator[Part | bytes | None]) -> Iterator[bytes]:
    for piece in news:
        if not isinstance(piece, bytes):
            return
        yield piece


class _Parser:
    """The library's callbacks as a list of what is new."""

    def __init__(self, content_type: str) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise FormParserError("no boundary")
        self._news: list[Part | bytes | None] = []
        self._headers: dict[bytes, bytes] = {}
        self._name = self._value = b""
        self._parser = MultipartParser(
            options[b"boundary"],
            {
                "on_part_begin": self._headers.clear,
                "on_header_field": self._add_name,
                "on_header_value": self._add_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._begin,
                "on_part_data": lambda data, start, end: self._news.append(data[start:end]),
                "on_part_end": lambda: self._news.append(None),
            },
        )

    def read(self, chunk: bytes) -> Iterator[Part | bytes | None]:
        """What is new in `chunk`."""
        self._parser.write(chunk)
        news, self._news = self._news, []
        return iter(news)

    def end(self) -> None:
        """There is no more. Raises FormParserError where there should be."""
        self._parser.finalize()

    def _add_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _add_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _begin(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b""))
        filename = options.get(b"filename")
        self._news.append(
            Part(
                name=options.get(b"name", b"").decode("utf-8", "replace"),
                filename=None if filename is None else filename.decode("utf-8", "replace"),
            )
        )
