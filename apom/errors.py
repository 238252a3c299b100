"""Everything that can go wrong and that a person may read.

    ApomError
     ├─ Invalid           what was given cannot be used as it is          (422)
     ├─ NotSignedIn       nobody is signed in                             (401)
     ├─ NotAllowed        a member without the right                      (403)
     ├─ NotFound          no such thing, or not yours to know about       (404)
     ├─ Conflict          it clashes with what is there                   (409)
     ├─ OverBudget        it would cost more than may be spent            (402)
     ├─ Refused           a whole order, with every reason                (422)
     ├─ TooLarge          more bytes than the limit                       (413)
     ├─ TooMany           too often: wait `retry_after_s`                 (429)
     ├─ BadMedia          not a picture or clip we can show               (422)
     ├─ Unavailable       not now                                         (503)
     │   ├─ Occupied      somebody else is writing; nothing was begun
     │   ├─ StoreBusy     another process holds the store
     │   └─ StoreBroken   the store has to be mended first
     ├─ Misconfigured     the settings are unsafe or do not fit
     └─ ProviderError     what a provider said; see apom.providers

A message is an English sentence with `{names}`; it is its own key in the gettext catalogues, and `apom.words.say` puts
it into the reader's language. It says what happened and what to do, and carries no secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from apom.models import Reason


class ApomError(Exception):
    """The root: `message` is the sentence with its `{names}` still open, `values` fill them."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, **values: object) -> None:
        self.message = message
        self.values = values
        super().__init__(message, values)

    def __str__(self) -> str:
        return self.message.format(**self.values)


class Invalid(ApomError):
    """What was given cannot be used as it is; nothing was stored. `field` names the input, if one is to blame."""

    code = "invalid"

    def __init__(self, message: str, *, field: str | None = None, **values: object) -> None:
        super().__init__(message, **values)
        self.field = field


class NotSignedIn(ApomError):
    """Nobody is signed in, or no longer."""

    code = "not_signed_in"


class NotAllowed(ApomError):
    """A member without the right for this."""

    code = "not_allowed"


class NotFound(ApomError):
    """There is no such thing, or it belongs to somebody else: both answer the same."""

    code = "not_found"

    def __init__(self, message: str = "There is nothing here by that id. It may have been deleted.") -> None:
        super().__init__(message)


class Conflict(ApomError):
    """It clashes with what is there (a name is taken, somebody was faster)."""

    code = "conflict"


class OverBudget(ApomError):
    """It would cost more than may be spent, or nobody knows what it would cost while there is a limit."""

    code = "over_budget"


class Refused(ApomError):
    """A whole order, for all of these `reasons`, whose sentences are in the reader's language already; nothing was stored."""

    code = "refused"

    def __init__(self, reasons: Sequence[Reason]) -> None:
        super().__init__("Nothing was ordered. {reasons}", reasons=" ".join(reason.detail for reason in reasons))
        self.reasons = tuple(reasons)


class TooLarge(ApomError):
    """More bytes than the limit allows."""

    code = "too_large"


class TooMany(ApomError):
    """Too often. `retry_after_s`: seconds to wait."""

    code = "too_many"

    def __init__(self, message: str, *, retry_after_s: float, **values: object) -> None:
        super().__init__(message, seconds=max(1, round(retry_after_s)), **values)
        self.retry_after_s = retry_after_s


class BadMedia(ApomError):
    """Not a picture or clip that can be shown."""

    code = "bad_media"


class Unavailable(ApomError):
    """It cannot be done now; later it may."""

    code = "unavailable"


class Occupied(Unavailable):
    """Somebody else has been writing for as long as the caller would wait: nothing was begun."""

    code = "occupied"


class StoreBusy(Unavailable):
    """Another process holds the store."""

    code = "store_busy"


class StoreBroken(Unavailable):
    """The store cannot be opened or written as it is."""

    code = "store_broken"


class Misconfigured(ApomError):
    """The settings are unsafe or do not fit together."""

    code = "misconfigured"


class ProviderError(ApomError):
    """A call to a provider did not succeed.

    `kind`: not_sent (the request never left), rate_limited, auth, no_credit, moderated, rejected, maintenance,
    transient, failed (it took the job and could not do it), or unknown (it may have been accepted: never send it again
    without a person's word).
    `provider_code`, `provider_message`: the provider's own words, cut to 500 characters. `retry_after_s`: its wish.
    """

    code = "provider"

    def __init__(
        self,
        kind: str,
        *,
        provider_code: str = "",
        provider_message: str = "",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(PROVIDER_SENTENCES[kind], said=provider_message[:500] or "—")
        self.kind = kind
        self.provider_code = provider_code
        self.provider_message = provider_message[:500]
        self.retry_after_s = retry_after_s


PROVIDER_SENTENCES = {
    "not_sent": "The provider could not be reached. Nothing was paid; it is tried again by itself.",
    "rate_limited": "The provider asks to wait. Nothing was paid; it is tried again by itself.",
    "auth": "The provider does not accept the key. Check it on the Providers page. It said: {said}",
    "no_credit": "The account at the provider has no credit left. Top it up, then generate again. It said: {said}",
    "moderated": "The provider refused the content. Change the prompt or the picture. It said: {said}",
    "rejected": "The provider refused the request. It said: {said}",
    "maintenance": "The provider is under maintenance. Nothing was paid; it is tried again by itself.",
    "transient": "The provider had a fault. It is tried again by itself.",
    "failed": "The provider could not make this. It said: {said}",
    "unknown": "The answer to the submission was lost: it may have been accepted and paid for. Check at the provider, "
    "then choose what to do. It is never sent again by itself.",
}
