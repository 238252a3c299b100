"""The catalogues say everything that apom says, with the source's placeholders, and gettext reads what people edited."""

from __future__ import annotations

import asyncio
import gettext
import re
from http import HTTPStatus

import httpx
import messages
import pytest
from starlette.types import Receive, Scope, Send

from apom import errors
from apom.errors import Invalid, NotFound, NotSignedIn
from apom.export.formats import FORMATS
from apom.server.refusal import refuse
from apom.words import LANGUAGES, LOCALE, forms, plural, preferred, say, size, speaking, spoken
from pages.export import OPTIONS

TRANSLATED = sorted(LANGUAGES.keys() - {"en"})
NAMES = re.compile(r"\{\w+(?::[^{}]*)?\}")
IS_RUSSIAN = re.compile("[а-яё]", re.IGNORECASE)
N_TAKES = ("{n} take", "{n} takes")


@pytest.fixture(scope="module")
def source() -> set[messages.Message]:
    return messages.messages()


@pytest.mark.parametrize("code", TRANSLATED)
def test_whole(code: str, source: set[messages.Message]) -> None:
    catalogue = messages.read(code)
    kept = {message.id for message in catalogue if message.id}
    assert sorted(map(str, source - kept)) == [], "run: make messages"
    assert sorted(map(str, kept - source)) == [], "run: make messages"
    assert messages.missing(catalogue) == []
    assert [message.id for message in catalogue if message.id and message.fuzzy] == []
    assert list(catalogue.obsolete) == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_placeholders(code: str) -> None:
    """Each form fills what the source fills; a number may stand where English has none."""
    for message in messages.read(code):
        if not message.id:
            continue
        one, many = messages.strings(message.id)[0], messages.strings(message.id)[-1]
        for form in messages.strings(message.string):
            names = set(NAMES.findall(form))
            assert set(NAMES.findall(one)) <= names <= set(NAMES.findall(many)), (message.id, form)
            assert form.count("**") == one.count("**"), (message.id, form)
            assert (form[:1].isspace(), form[-1:].isspace()) == (one[:1].isspace(), one[-1:].isspace()), form


@pytest.mark.parametrize("code", TRANSLATED)
def test_compiled(code: str) -> None:
    catalogue = messages.read(code)
    compiled = gettext.translation("apom", LOCALE, [code])
    for message in catalogue:
        if isinstance(message.id, str) and message.id:
            assert compiled.gettext(message.id) == message.string, "run: make messages"
        elif message.id:
            one, many = message.id
            said = {compiled.ngettext(one, many, n) for n in range(1, 30)}
            assert said == set(message.string), "run: make messages"
    assert messages.po(code).read_bytes() == messages.as_po(messages.renewed(catalogue)), "run: make messages"


def test_found_in_the_source(source: set[messages.Message]) -> None:
    """Sentences that stand elsewhere than in the call: a table, a constant, an arm of a condition, a pair, a field."""
    assert set(errors.PROVIDER_SENTENCES.values()) <= source
    assert "Nothing was ordered. {reasons}" in source
    assert NotFound().message in source
    assert "No model here can edit a picture. Ask an admin to switch one on." in source
    assert "The picture is damaged or incomplete. Export or download it again." in source
    assert ("{n} take rated", "{n} takes rated") in source
    assert "frames per second" in source
    assert "A review link lives for so many days." in source


def test_what_an_export_offers(source: set[messages.Message]) -> None:
    """The words of its choices are shown, too; sizes and papers say the same everywhere."""
    for format in FORMATS.values():
        for choice in format.choice.model_json_schema()["properties"].values():
            assert choice["description"] in source
            assert {OPTIONS[word] for word in choice.get("enum", ()) if word in OPTIONS} <= source, format.title


def test_russian_is_russian() -> None:
    latin = [
        message.id
        for message in messages.read("ru")
        if message.id and not IS_RUSSIAN.search(NAMES.sub("", "".join(messages.strings(message.string))))
    ]
    assert latin == [text for text in latin if len(NAMES.sub("", str(text))) < 20], latin


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (1, "1 дубль"),
        (2, "2 дубля"),
        (5, "5 дублей"),
        (11, "11 дублей"),
        (21, "21 дубль"),
        (22, "22 дубля"),
        (25, "25 дублей"),
    ],
)
def test_plurals_of_russian(n: int, said: str) -> None:
    with speaking("ru"):
        assert plural(*N_TAKES, n) == said


def test_forms_for_scripts() -> None:
    with speaking("ru"):
        assert forms(*N_TAKES) == {"one": "{n} дубль", "few": "{n} дубля", "many": "{n} дублей", "other": "{n} дублей"}
    with speaking("en"):
        assert forms(*N_TAKES)["one"] == "{n} take"
        assert forms(*N_TAKES)["other"] == "{n} takes"


def test_languages() -> None:
    assert spoken() == {"en": "English", "ru": "Русский"}
    assert preferred("de, ru;q=0.8, en;q=0.5") == "ru"
    assert preferred("") == "en"
    assert say(Invalid("Choose a model."), "ru") == "Выберите модель."
    assert say(Invalid("Choose a model."), "en") == "Choose a model."


@pytest.mark.parametrize(("accepted", "said"), [("ru-RU, en;q=0.7", "Сначала войдите."), ("fi", "Sign in first.")])
def test_who_is_not_signed_in_is_refused_in_the_browsers_language(accepted: str, said: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await refuse(scope, receive, send, HTTPStatus.UNAUTHORIZED, NotSignedIn("Sign in first."))

    async def go() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://apom") as client:
            return await client.get("/api/projects", headers={"Accept-Language": accepted})

    answer = asyncio.run(go())
    assert (answer.status_code, answer.json()["detail"]) == (401, said)


@pytest.mark.parametrize(
    ("number", "english", "russian"),
    [
        (1, "1 bytes", "1 байт"),
        (1023, "1023 bytes", "1023 байта"),
        (1536, "1.5 KB", "1,5 КБ"),
        (3 << 40, "3.0 TB", "3,0 ТБ"),
    ],
)
def test_sizes(number: int, english: str, russian: str) -> None:
    assert size(number) == english
    with speaking("ru"):
        assert size(number) == russian
