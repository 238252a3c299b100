"""The way out by mail: one connection for any number of messages. smtplib ends here, its errors too.

Blocking, so for a thread. Nothing is said without encryption to a server that is not on this machine when a password is
part of it.
"""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr

from apom.config import MailSettings
from apom.errors import Misconfigured, Unavailable
from apom.preflight import is_loopback

PATIENCE_S = 20.0  # for each step of the conversation
OURS = "[127.0.0.1]"  # how we greet: looking up our own name can take longer than all the rest


class NotTaken(Unavailable):
    """The server does not take this message; it may take others."""


def check_settings(settings: MailSettings) -> None:
    """Whether mail can be sent with them at all. Raises Misconfigured."""
    if not settings.host:
        raise Misconfigured("No mail server is set. Whoever runs this sets APOM_SMTP_HOST and APOM_SMTP_FROM.")
    if "@" not in settings.sender or any(c.isspace() for c in settings.sender):
        raise Misconfigured("APOM_SMTP_FROM must be the address that mail comes from, like apom@example.com.")
    if settings.tls == "none" and settings.password and not is_loopback(settings.host):
        raise Misconfigured(
            "With APOM_SMTP_TLS=none the password for the mail server would travel in the clear. Use starttls or tls."
        )


def message(
    settings: MailSettings, *, to: str, subject: str, text: str, html: str, headers: dict[str, str]
) -> EmailMessage:
    """A mail in two forms. Line breaks in `to`, `subject` or `headers` raise ValueError: nobody writes headers of ours."""
    mail = EmailMessage(policy=SMTP)
    mail["From"] = formataddr(("apom", settings.sender))
    mail["To"] = to
    mail["Subject"] = subject
    for name, value in headers.items():
        mail[name] = value
    mail.set_content(text)
    mail.add_alternative(html, subtype="html")
    return mail


class Post:
    """An open connection to the mail server."""

    def __init__(self, smtp: smtplib.SMTP) -> None:
        self._smtp = smtp

    def send(self, mail: EmailMessage) -> None:
        """Hands it over. Raises NotTaken for this mail alone, Unavailable when the connection is at its end."""
        try:
            self._smtp.send_message(mail)
        except smtplib.SMTPServerDisconnected as error:
            raise _away(error) from None
        except smtplib.SMTPException as error:
            raise NotTaken("The mail server did not take it: {reason}", reason=_said(error)) from None
        except OSError as error:
            raise _away(error) from None


@contextmanager
def opened(settings: MailSettings) -> Iterator[Post]:
    """Connected, greeted, encrypted and signed in, as the settings say. Raises Misconfigured, Unavailable."""
    check_settings(settings)
    smtp = _greeted(settings)
    try:
        yield Post(smtp)
    finally:
        with suppress(smtplib.SMTPException, OSError):
            smtp.quit()
        smtp.close()


def _greeted(settings: MailSettings) -> smtplib.SMTP:
    context = ssl.create_default_context()
    try:
        smtp: smtplib.SMTP
        if settings.tls == "tls":
            smtp = smtplib.SMTP_SSL(settings.host, settings.port, OURS, timeout=PATIENCE_S, context=context)
        else:
            smtp = smtplib.SMTP(settings.host, settings.port, OURS, timeout=PATIENCE_S)
    except (smtplib.SMTPException, OSError) as error:
        raise _away(error) from None
    try:
        smtp.ehlo_or_helo_if_needed()
        if settings.tls == "starttls":
            smtp.starttls(context=context)
        if settings.user:
            smtp.login(settings.user, settings.password)
    except smtplib.SMTPAuthenticationError as error:
        smtp.close()
        raise Misconfigured(
            "The mail server does not accept APOM_SMTP_USER and APOM_SMTP_PASSWORD: {reason}", reason=_said(error)
        ) from None
    except smtplib.SMTPNotSupportedError as error:
        smtp.close()
        raise Misconfigured(
            "The mail server cannot do what the settings ask for: {reason} Change APOM_SMTP_TLS, or leave out "
            "APOM_SMTP_USER.",
            reason=_said(error),
        ) from None
    except (smtplib.SMTPException, OSError) as error:
        smtp.close()
        raise _away(error) from None
    return smtp


def _away(error: Exception) -> Unavailable:
    return Unavailable("The mail server does not answer as it should: {reason}", reason=_said(error))


def _said(error: Exception) -> str:
    """What the other side said, in one short line."""
    text: bytes | str
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        code, text = next(iter(error.recipients.values()))
    elif isinstance(error, smtplib.SMTPResponseException):
        code, text = error.smtp_code, error.smtp_error
    else:
        return " ".join(str(getattr(error, "strerror", None) or error or type(error).__name__).split())[:200]
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
    return f"{code} {' '.join(words.split())}"[:200]
