"""Which providers there are, and what an admin decides about them: keys, switches, addresses, edited files.

The files that come with apom are the ground; an admin's word lies over it and outlives an update. What is in flight keeps
the file it was ordered with, and takes the key and the address of the moment.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import JsonValue

from apom.errors import ApomError, Invalid, Misconfigured, NotFound
from apom.keyring import Keyring
from apom.models import AIProvider, Json, KeyState, ProviderTest
from apom.store import Store, ai_providers, audit
from apom.store.ai_providers import Choice
from apom.store.remembered import Remembered
from apom.words import _, say

if TYPE_CHECKING:
    from apom.net import HttpClient, Mounts
    from apom.net.guard import Guard
    from apom.providers.catalog import Catalog
    from apom.providers.client import Client
    from apom.providers.spec import Input, Model, ProviderSpec

log = logging.getLogger("apom.providers")

T = TypeVar("T")
SANDBOX = "sandbox"
NO_SUCH = "There is no provider of that name. All of them: apom providers list"


@dataclass(frozen=True, kw_only=True)
class Way:
    """How a provider is reached: at another address than its file says, if `base_url` is one, and past which guard."""

    base_url: str | None
    guard: Guard


class AIProviders:
    """Keeps `catalog` up to date with what admins decide. `folder`: the shipped files; `mounts`: what answers inside."""

    def __init__(
        self,
        store: Store,
        catalog: Catalog,
        keyring: Keyring,
        clock: Callable[[], datetime],
        *,
        folder: Path,
        sandbox_url: str = "",
        mounts: Callable[[], Mounts | None] = lambda: None,
    ) -> None:
        self._store = store
        self._catalog = catalog
        self._keyring = keyring
        self._clock = clock
        self._folder = folder
        self._sandbox_url = sandbox_url
        self._mounts = mounts
        self._shipped: Mapping[str, ProviderSpec] = {}
        self._faults: Mapping[str, Misconfigured] = {}
        self._choices = Remembered(store, ai_providers.everything)
        self._parsed: dict[str, ProviderSpec | Misconfigured] = {}
        self._load()
        self.refresh()

    # what is there

    def refresh(self) -> None:
        """The catalogue says what is true now."""
        specs = {slug: self._spec(slug) for slug in sorted({*self._shipped, *self._defined()})}
        found = {slug: spec for slug, spec in specs.items() if spec is not None}
        in_the_way = {slug: self._hindrance(spec) for slug, spec in found.items()}
        self._catalog.become(found, {slug: error for slug, error in in_the_way.items() if error is not None})

    def everything(self) -> tuple[AIProvider, ...]:
        """Every provider, by slug; those whose shipped file cannot be used last."""
        self._choices.forget()
        self.refresh()
        faults = [_faulty(slug, error) for slug, error in self._faults.items() if slug not in self._catalog.specs]
        return (*map(self._described, self._catalog.specs.values()), *faults)

    def one(self, slug: str) -> AIProvider:
        """A provider. Raises NotFound."""
        return self._described(self._need(slug))

    def definition(self, slug: str) -> str:
        """The file in force, as text: an admin's, else the shipped one. Raises NotFound."""
        self._need(slug)
        return self._choice(slug).definition or (self._folder / f"{slug}.json").read_text("utf-8")

    def way(self, spec: ProviderSpec) -> Way:
        """How to reach the provider of a file, which may be an older one."""
        from apom import net
        from apom.net.guard import Guard

        choice = self._choice(spec.id)
        base_url = (self._sandbox_url if spec.id == SANDBOX else choice.base_url) or None
        base = net.origin(base_url or spec.base_url)
        private = {base} if spec.id == SANDBOX or choice.may_be_private else set()
        if choice.may_be_private:
            private |= {net.origin(f"{base[0]}://{host}") for host in spec.hosts}
        return Way(base_url=base_url, guard=Guard(private=frozenset(each[1:] for each in private)))

    def client(self, spec: ProviderSpec, *, general: HttpClient, submitter: HttpClient) -> Client:
        """A client with the keys of the moment, whenever it asks. Both `HttpClient`s have the guard of `way`."""
        from apom.providers import keys
        from apom.providers.client import Client

        secrets = self._keyring.secrets(spec.id, keys.names(spec))
        base_url = self.way(spec).base_url
        return Client(spec, general=general, submitter=submitter, secrets=secrets, base_url=base_url, is_guarded=True)

    # what an admin decides

    def set_key(self, slug: str, key: str, *, name: str | None = None, by: str) -> AIProvider:
        """Keeps a key, encrypted. `name`: which, where a provider has several. Raises NotFound, Invalid, Misconfigured."""
        self._keyring.put(slug, self._key_name(slug, name), key, by=by)
        self.refresh()
        return self.one(slug)

    def remove_key(self, slug: str, *, name: str | None = None, by: str) -> AIProvider:
        """Forgets a stored key. Raises NotFound, Invalid."""
        self._keyring.remove(slug, self._key_name(slug, name), by=by)
        self.refresh()
        return self.one(slug)

    def set_active(self, slug: str, is_active: bool, *, by: str) -> AIProvider:
        """Offers a provider's models, or no longer; what is in flight goes on. Raises NotFound."""
        self._need(slug)
        return self._decide(slug, "provider.enable" if is_active else "provider.disable", by, is_active=is_active)

    def set_address(self, slug: str, base_url: str | None, *, may_be_private: bool = False, by: str) -> AIProvider:
        """Another base_url than the file's, None for the file's own. The key goes there from now on.

        `may_be_private`: it may be http, and lie in a private network. Raises NotFound, Invalid.
        """
        spec = self._need(slug)
        if base_url is not None:
            spec = _checked(slug, json.dumps({**_plain(spec), "base_url": base_url}), field="base_url")
        if not may_be_private and (where := _why_private(spec.base_url)):
            raise _invalid(where, "may_be_private")
        return self._decide(slug, "provider.address", by, base_url=base_url, may_be_private=may_be_private)

    def edit(self, slug: str, text: str, *, by: str) -> AIProvider:
        """Another file in the place of the shipped one, or a provider that is new here. Checked before it is kept.

        Raises Invalid with the place and the mend.
        """
        spec = _checked(slug, text)
        if spec.id != slug:
            raise Invalid("The file says id {id}; it has to be {slug}.", field="definition", id=spec.id, slug=slug)
        shipped = self._shipped.get(slug)
        return self._decide(
            slug, "provider.edit", by, definition=text, shipped_sha256=None if shipped is None else _sha256(shipped)
        )

    def reset(self, slug: str, *, by: str) -> None:
        """The shipped file and its address again. A provider of which none was shipped is gone. Raises NotFound."""
        self._need(slug)
        plain = replace(self._choice(slug), definition=None, shipped_sha256=None, base_url=None, may_be_private=False)
        self._store_choice(plain, "provider.reset", by)

    def sync(self, *, by: str) -> tuple[AIProvider, ...]:
        """Reads the shipped files again. What an admin edited is kept, and `differs` says in what."""
        self._load()
        with self._store.write() as tx:
            audit.append(tx, self._clock(), by, "provider.sync")
        return self.everything()

    # trying

    def test(self, slug: str) -> ProviderTest:
        """Asks what credit is left, which is free and shows whether the key works. Raises NotFound, ProviderError…"""
        spec = self._need(slug)
        balance = self._with_client(spec, lambda client: client.balance())
        unit = spec.cost.unit if spec.cost else ""
        return ProviderTest(
            slug=slug,
            balance=balance,
            unit=unit,
            says=_("{provider} accepts the key. Left: {left}", provider=spec.name, left=f"{balance:g} {unit}".rstrip()),
        )

    def dry_run(self, model: str, prompt: str, params: Mapping[str, JsonValue]) -> Json:
        """The very request that would be sent, the key masked; nothing is sent. Raises Invalid."""
        slug, _, name = model.partition("/")
        spec = self._catalog.specs.get(slug)
        if spec is None:
            raise Invalid("There is no provider {provider}. Choose another model.", field="model", provider=slug[:40])
        from apom import net
        from apom.providers import keys
        from apom.providers.client import Client

        nobody = net.make_client(purpose="general")  # nothing is sent, so nothing has to be closed
        masks = dict.fromkeys(keys.names(spec), keys.MASK)
        base_url = self.way(spec).base_url
        client = Client(spec, general=nobody, submitter=nobody, secrets=masks, base_url=base_url)
        return _rendered(client, spec.model(name), prompt, params)

    # within

    def _load(self) -> None:
        from apom.providers import catalog

        self._shipped, self._faults = catalog.usable(self._folder)
        for error in self._faults.values():
            log.warning("%s", error)

    def _with_client(self, spec: ProviderSpec, what: Callable[[Client], Awaitable[T]]) -> T:
        """On a loop of its own, whatever the calling thread has."""

        async def scenario() -> T:
            from apom import net

            http = net.make_client(purpose="general", mounts=self._mounts(), guard=self.way(spec).guard)
            try:
                return await what(self.client(spec, general=http, submitter=http))
            finally:
                await http.aclose()

        with ThreadPoolExecutor(1) as thread:
            return thread.submit(lambda: asyncio.run(scenario())).result()

    def _defined(self) -> set[str]:
        return {slug for slug, choice in self._choices().items() if choice.definition is not None}

    def _choice(self, slug: str) -> Choice:
        return self._choices().get(slug) or Choice(slug=slug)

    def _need(self, slug: str) -> ProviderSpec:
        self.refresh()
        spec = self._catalog.specs.get(slug)
        if spec is None:
            raise NotFound(NO_SUCH)
        return spec

    def _spec(self, slug: str) -> ProviderSpec | None:
        """The file in force; the shipped one where an admin's cannot be used (any more)."""
        edited = self._edited(slug)
        return self._shipped.get(slug) if edited is None or isinstance(edited, Misconfigured) else edited

    def _edited(self, slug: str) -> ProviderSpec | Misconfigured | None:
        """An admin's file, or why this apom cannot use it any more."""
        text = self._choice(slug).definition
        if text is None:
            return None
        if text not in self._parsed:
            from apom.providers.catalog import parse

            try:
                self._parsed[text] = parse(text, file=f"{slug}.json")
            except Misconfigured as error:
                self._parsed[text] = error
        return self._parsed[text]

    def _hindrance(self, spec: ProviderSpec) -> Invalid | None:
        """Why it cannot be used just now; None when it can."""
        choice, edited = self._choice(spec.id), self._edited(spec.id)
        if not choice.is_active:
            return Invalid(
                "{provider} is switched off. Choose another model, or ask an admin to switch it on.", provider=spec.name
            )
        if isinstance(edited, Misconfigured):
            return _invalid(edited)
        where = None if choice.may_be_private or spec.id == SANDBOX else _why_private(choice.base_url or spec.base_url)
        if where is not None:
            return where
        return next((error for state in self._keys(spec) if (error := _missing(spec, state)) is not None), None)

    def _keys(self, spec: ProviderSpec) -> tuple[KeyState, ...]:
        from apom.providers import keys

        return tuple(self._keyring.state(spec.id, name) for name in keys.names(spec))

    def _key_name(self, slug: str, name: str | None) -> str:
        from apom.providers import keys

        names = keys.names(self._need(slug))
        if not names:
            raise Invalid("{provider} needs no key.", field="name", provider=slug)
        if name not in names and (name is not None or len(names) > 1):
            raise Invalid(
                "The keys of {provider} are called {names}.", field="name", provider=slug, names=", ".join(names)
            )
        return name or names[0]

    def _decide(self, slug: str, action: str, by: str, **changes: Any) -> AIProvider:
        self._store_choice(replace(self._choice(slug), **changes), action, by)
        return self.one(slug)

    def _store_choice(self, choice: Choice, action: str, by: str) -> None:
        now = self._clock()
        with self._store.write() as tx:
            ai_providers.put(tx, choice, by, now)
            audit.append(tx, now, by, action, f"provider:{choice.slug}")
        self._choices.forget()
        self.refresh()

    def _described(self, spec: ProviderSpec) -> AIProvider:
        from apom.providers.catalog import offer

        choice, shipped = self._choice(spec.id), self._shipped.get(spec.id)
        hindrance = self._hindrance(spec)
        paid = _first_paid(spec)
        is_edited = choice.definition is not None
        return AIProvider(
            slug=spec.id,
            title=spec.name,
            docs=spec.docs,
            base_url=choice.base_url or spec.base_url,
            is_base_url_changed=choice.base_url is not None,
            is_active=choice.is_active,
            may_be_private=choice.may_be_private,
            is_usable=hindrance is None,
            says="" if hindrance is None else say(hindrance),
            keys=self._keys(spec),
            can_be_tested=spec.account is not None,
            is_shipped=shipped is not None,
            differs=tuple(_differences(shipped, spec)) if is_edited and shipped is not None else (),
            is_shipped_newer=is_edited and shipped is not None and choice.shipped_sha256 != _sha256(shipped),
            is_play=spec.is_play,
            models=tuple(model.name for model in spec.models if model.is_active),
            offers=tuple(offer(spec, model) for model in spec.models if model.is_active),
            first_paid=paid.title if paid else "",
            first_paid_price=paid.price.model_dump(mode="json") if paid and paid.price else None,
        )


def _faulty(slug: str, error: Misconfigured) -> AIProvider:
    return AIProvider(slug=slug, title=slug, base_url="", says=say(error))


def _invalid(error: ApomError, field: str | None = None) -> Invalid:
    """The same sentence, about what was given."""
    return Invalid(error.message, field=field, **error.values)


def _checked(slug: str, text: str, *, field: str = "definition") -> ProviderSpec:
    """What an admin wrote. Raises Invalid with the place and the mend."""
    from apom.providers.catalog import parse

    try:
        return parse(text, file=f"{slug}.json")
    except Misconfigured as error:
        raise _invalid(error, field) from None


def _why_private(base_url: str) -> Invalid | None:
    from apom import net
    from apom.net.guard import is_private_host

    scheme, host, _ = net.origin(base_url)
    if scheme == "https" and not is_private_host(host):
        return None
    return Invalid(
        "{host} lies in a private network, or is asked without https. An admin has to allow that first, on the Providers "
        "page or with: apom providers address … --private",
        host=host,
    )


def _missing(spec: ProviderSpec, state: KeyState) -> Invalid | None:
    if state.is_usable:
        return None
    if state.says:
        return Invalid("{provider}: {says}", provider=spec.name, says=state.says)
    return Invalid(
        "{provider} needs a key, {name}. An admin sets it on the Providers page or with: apom providers set-key {slug}",
        provider=spec.name,
        name=state.name,
        slug=spec.id,
    )


def _plain(spec: ProviderSpec) -> Json:
    from apom.providers.catalog import canonical

    found: Json = json.loads(canonical(spec))
    return found


def _sha256(spec: ProviderSpec) -> str:
    return hashlib.sha256(json.dumps(_plain(spec)).encode()).hexdigest()


def _differences(shipped: ProviderSpec, edited: ProviderSpec) -> Iterable[str]:
    """The parts of a file that are not as shipped; each model for itself."""
    before, now = _parts(_plain(shipped)), _parts(_plain(edited))
    return sorted(part for part in {*before, *now} if before.get(part) != now.get(part))


def _parts(plain: Json) -> Json:
    models = plain.pop("models")
    assert isinstance(models, list), "so it is in every file"
    return {**plain, **{f"models.{model['name']}": model for model in models if isinstance(model, dict)}}


def _first_paid(spec: ProviderSpec) -> Model | None:
    """The cheapest model that costs something, in money or credits."""
    paid = [m for m in spec.models if m.is_active and m.price and m.price.amount > 0 and not spec.is_play]
    return min(paid, key=lambda model: model.price.amount if model.price else 0, default=None)


def _rendered(client: Client, model: Model, prompt: str, params: Mapping[str, JsonValue]) -> Json:
    """The request as it would go out; a picture it needs is a word in brackets."""
    from apom.net import with_query
    from apom.providers import keys
    from apom.providers.catalog import Catalog

    spec = client.spec
    given = {**params, **{name: prompt for name in [_named(model, "prompt")] if name}}
    seed = _named(model, "seed")
    if seed and seed not in given:
        given[seed] = 0
    inputs = {each.name: [_stand_in(each)] * each.min for each in model.inputs if each.min}
    request = client.render_submit(model, Catalog.check_params(model, given), inputs, client_id="(our own id)")
    shown, key = request.masked(), keys.shape(spec, model.submit_block(spec).request)
    headers: Json = {**request.headers, **key.headers}
    fields: Json = {p.name: p.filename or p.content.decode("utf-8", "replace") for p in request.parts}
    return {**shown, "url": with_query(str(shown["url"]), key.query), "headers": headers, "multipart": fields or None}


def _stand_in(declared: Input) -> Any:
    name = f"({declared.name})"
    if declared.sent_as == "file":
        from apom.net import Part

        return Part(name="", content=b"", filename=name)
    return {"data": name, "mime": declared.mimes[0]} if declared.sent_as == "base64" else name


def _named(model: Model, role: str) -> str | None:
    properties = model.parameters_schema["properties"]
    assert isinstance(properties, dict), "checked when the file was loaded"
    return next((name for name, p in properties.items() if isinstance(p, dict) and p.get("x-role") == role), None)
