"""Settings of the process (`APOM_*` variables), limits, and the declared keys of SystemConfig.

Each number stands here once; `docs/limits.md` prints them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

PACKAGE = Path(__file__).resolve().parent
MB = 1024 * 1024


def shipped(name: str) -> Path:
    """A folder that lies beside the package in a checkout and inside it in a wheel (`pages`, `providers`)."""
    bundled = PACKAGE / "_bundle" / name
    return bundled if bundled.exists() else PACKAGE.parent / name


class Limits(BaseModel):
    """What is refused, and from where on."""

    model_config = ConfigDict(frozen=True)

    image_bytes: int = Field(50 * MB, description="largest picture")
    image_pixels: int = Field(60_000_000, description="most pixels in a picture, or in a frame of a clip")
    animation_pixels: int = Field(1_000_000_000, description="most pixels in all frames of an animated picture")
    video_bytes: int = Field(2048 * MB, description="largest clip")
    video_s: float = Field(3600, description="longest clip, in seconds")
    audio_bytes: int = Field(200 * MB, description="largest sound")
    audio_s: float = Field(3600, description="longest sound, in seconds")
    uploads_at_once: int = Field(16, description="most uploads whose bytes are coming in at the same time")
    piece_bytes: int = Field(32 * MB, description="an upload is sent in pieces of so much, each tried again by itself")
    kept_piece_hours: int = Field(24, description="an upload that was broken off can be gone on with for so many hours")
    animatic_s: float = Field(4 * 3600, description="longest animatic, in seconds")
    archive_bytes: int = Field(200 * 1024 * MB, description="largest project archive")
    archive_rows_bytes: int = Field(2048 * MB, description="most bytes of rows in a project archive, unpacked")
    archive_row_bytes: int = Field(8 * MB, description="longest row in a project archive")
    archive_rows: int = Field(3_000_000, description="most rows in a project archive")
    archive_files: int = Field(400_000, description="most files in a project archive")
    answer_bytes: int = Field(MB, description="longest JSON answer of a provider")
    inline_bytes: int = Field(80 * MB, description="longest answer of a provider that puts the file itself into it")
    body_bytes: int = Field(MB, description="longest body of a request to our REST interface")
    name_chars: int = Field(120, description="longest name of a project, a shot or a person")
    prompt_chars: int = Field(20_000, description="longest prompt")
    notes_chars: int = Field(20_000, description="longest notes")
    rights_chars: int = Field(1_000, description="longest note about the rights in an upload")
    shots_at_once: int = Field(500, description="most shots pasted or brought in at once")
    table_bytes: int = Field(16 * MB, description="largest table of shots (CSV, XLSX) to bring in")
    table_unpacked_bytes: int = Field(64 * MB, description="most bytes that are read of such a workbook, unpacked")
    variations: int = Field(16, description="most takes from one press of Generate")
    batch_takes: int = Field(1_000, description="most takes in one batch")
    page: int = Field(500, description="most rows in one page of a list")
    marks: int = Field(200, description="most takes marked, or asked for by their ids, at once")
    search_chars: int = Field(500, description="longest text to search for")
    comment_chars: int = Field(2_000, description="longest comment")
    reviewer_chars: int = Field(60, description="longest name that a reviewer gives")
    link_days: int = Field(180, description="longest life of a review link, in days")
    link_comments_minute: int = Field(10, description="most comments and verdicts of a reviewer in a minute")
    link_comments_day: int = Field(500, description="most comments and verdicts through a review link in a day")
    tokens: int = Field(50, description="most API tokens of a person")
    token_days: int = Field(365, description="longest life of an API token, in days")
    notification_days: int = Field(90, description="a notification is kept for so many days")
    webhooks: int = Field(10, description="most webhooks of a person")
    template_chars: int = Field(4_000, description="longest template of a webhook")
    exports_at_once: int = Field(6, description="most files that are exported at the same time, beside jobs")
    zips_at_once: int = Field(32, description="most ZIPs of takes that are sent at the same time")
    jobs_waiting: int = Field(
        5, description="most exports, and archives to bring in, that a person has under way as jobs"
    )
    export_days: int = Field(7, description="a file that was exported as a job waits for so many days to be fetched")
    exports_bytes: int = Field(
        50 * 1024 * MB,
        description="so much may wait to be fetched in all: where more does, what was made first goes first",
    )
    shown_bytes: int = Field(8 * MB, description="most pictures and clips in one output of a notebook")
    shown_clip_bytes: int = Field(4 * MB, description="largest clip that an output of a notebook holds whole")


LIMITS = Limits()


class Thresholds(BaseModel):
    """From where on `apom doctor` speaks up."""

    model_config = ConfigDict(frozen=True)

    free_bytes_low: int = Field(10 * 1024 * MB, description="less free disk is a warning")
    free_bytes_least: int = Field(1024 * MB, description="less free disk is a problem")
    snapshot_days: float = Field(7, description="an older latest snapshot is a warning")
    clock_behind_s: float = Field(60, description="a clock that far behind the newest row is a problem")


THRESHOLDS = Thresholds()


@dataclass(frozen=True, kw_only=True)
class S3Settings:
    """A bucket: see the settings `s3_…`."""

    bucket: str
    endpoint: str = ""
    region: str = ""
    prefix: str = ""
    style: Literal["path", "virtual"] = "path"
    cache_gb: float = 20
    acl: str = ""
    redirect: bool = False
    public_url: str = ""


@dataclass(frozen=True, kw_only=True)
class MailSettings:
    """A mail server: see the settings `smtp_…`."""

    host: str
    port: int
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""
    tls: Literal["starttls", "tls", "none"] = "starttls"


class Settings(BaseSettings):
    """How this process runs. Read from `APOM_*` variables; nothing has to be set."""

    model_config = SettingsConfigDict(env_prefix="APOM_", frozen=True, extra="ignore", hide_input_in_errors=True)

    data_dir: Path = Field(Path("data"), description="where the store, the media and the sandbox live")
    database_url: str = Field(
        "", repr=False, description="duckdb:///path or postgresql://user@host/database; by default data/apom.duckdb"
    )
    backup_dir: Path | None = Field(
        None, description="where the daily backup goes, with its media; without it the store alone, at home"
    )
    host: str = Field("127.0.0.1", description="the address to listen on")
    port: int = Field(8501, ge=0, le=65535, description="the port to listen on")
    public_url: str = Field("", description="the address people reach this under, for links and callbacks")
    env: Literal["dev", "prod"] = Field("dev", description="the first part of every storage key")
    sandbox_url: str = Field("", description="a sandbox provider running elsewhere; by default it runs inside")
    sandbox_image_s: float = Field(1.5, ge=0, description="how long the sandbox takes for a picture, in seconds")
    sandbox_video_s: float = Field(4.0, ge=0, description="how long the sandbox takes for a clip, in seconds")
    key_file: Path | None = Field(
        None, description="what the stored keys of providers are encrypted with; by default data/keys/providers.key"
    )
    s3_bucket: str = Field("", description="keep media in this bucket; by default they lie in the data folder")
    s3_bucket_dev: str = Field("", description="the bucket of APOM_ENV=dev, where each has its own")
    s3_bucket_prod: str = Field("", description="the bucket of APOM_ENV=prod, where each has its own")
    s3_endpoint: str = Field("", description="where S3 is, for anybody else's than Amazon's")
    s3_region: str = Field("", description="the bucket's region")
    s3_prefix: str = Field("", description="what every key in the bucket begins with")
    s3_style: Literal["path", "virtual"] = Field("path", description="whether the bucket is in the path or in the host")
    s3_cache_gb: float = Field(20, gt=0, description="how much of the bucket is kept here, too, in GB")
    s3_acl: Literal["", "private", "public-read", "authenticated-read", "bucket-owner-full-control"] = Field(
        "", description="an ACL for every file, where the bucket wants one; by default none is sent"
    )
    s3_redirect: bool = Field(
        False, description="browsers fetch originals from the bucket, by addresses signed for minutes"
    )
    s3_public_url: str = Field("", description="with the above: where everybody may read the bucket, such as a CDN")
    smtp_host: str = Field("", description="the mail server; without one, no mail is sent")
    smtp_port: int = Field(0, ge=0, le=65535, description="its port; by default 587, 465 for tls, 25 for none")
    smtp_user: str = Field("", description="who signs in there; nobody by default")
    smtp_password: str = Field("", repr=False, description="the password for it")
    smtp_from: str = Field("", description="the address that mail comes from; by default APOM_SMTP_USER")
    smtp_tls: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="how the way there is encrypted; none is for a server on this machine or in the house"
    )
    webhook_hosts: str = Field(
        "", description="host:port, host:port: inside our network, where webhooks may post to nevertheless"
    )
    orders_a_minute: int = Field(
        10, gt=0, description="how often in a minute somebody may press Generate, order a batch or try again"
    )
    session_idle_days: float = Field(7, gt=0, description="a session ends when it was not used for so long")
    session_days: float = Field(30, gt=0, description="a session ends at the latest after so long")

    @property
    def store_url(self) -> str:
        """The database's URL, the default filled in."""
        return self.database_url or f"duckdb:///{self.data_dir / 'apom.duckdb'}"

    @property
    def key_path(self) -> Path:
        """The key file, the default filled in."""
        return self.key_file or self.data_dir / "keys" / "providers.key"

    @property
    def bucket(self) -> str:
        """The bucket of this environment; empty without one."""
        return (self.s3_bucket_prod if self.env == "prod" else self.s3_bucket_dev) or self.s3_bucket

    @property
    def s3(self) -> S3Settings:
        """Where the bucket is. Credentials are boto3's own: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."""
        return S3Settings(
            bucket=self.bucket,
            endpoint=self.s3_endpoint,
            region=self.s3_region,
            prefix=self.s3_prefix,
            style=self.s3_style,
            cache_gb=self.s3_cache_gb,
            acl=self.s3_acl,
            redirect=self.s3_redirect,
            public_url=self.s3_public_url.rstrip("/"),
        )

    @property
    def mail(self) -> MailSettings:
        """How mail is sent."""
        port = self.smtp_port or {"starttls": 587, "tls": 465, "none": 25}[self.smtp_tls]
        return MailSettings(
            host=self.smtp_host,
            port=port,
            user=self.smtp_user,
            password=self.smtp_password,
            sender=self.smtp_from or self.smtp_user,
            tls=self.smtp_tls,
        )

    @property
    def url(self) -> str:
        """Where a browser finds this process."""
        return self.public_url.rstrip("/") or self.local_url

    @property
    def local_url(self) -> str:
        """Where programs on this machine find this process, whatever its public address is."""
        host = "127.0.0.1" if self.host in ("", "0.0.0.0", "::") else self.host  # noqa: S104  (compared, not bound)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    @property
    def is_local(self) -> bool:
        """Whether the address that people are given leads nowhere but to their own computer."""
        return urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")

    @property
    def is_https(self) -> bool:
        """Whether browsers reach this by https."""
        return self.url.startswith("https://")

    @property
    def cookie(self) -> str:
        """The name of the session cookie; browsers protect `__Host-` names, but only over https."""
        return "__Host-apom_session" if self.is_https else "apom_session"


@dataclass(frozen=True, kw_only=True)
class SystemKey:
    """A key of SystemConfig: what it holds, what it is unless an admin says otherwise, what it does."""

    type: type
    default: object
    help: str


SYSTEM: Mapping[str, SystemKey] = {
    "registration_open": SystemKey(type=bool, default=False, help="Anybody who reaches the page may make an account."),
    "retention_days": SystemKey(
        type=int, default=10, help="Idle days until takes nobody marked go to the trash; 0: never."
    ),
    "trash_days": SystemKey(type=int, default=7, help="What lies in the trash for so many days loses its files."),
    "link_days": SystemKey(type=int, default=30, help="A review link lives for so many days."),
    "upload_gb": SystemKey(type=int, default=20, help="Uploads a person may keep, in GB; 0 for no limit."),
    "smart_edit_model": SystemKey(type=str, default="", help="The model that edits a picture by words."),
    "smart_edit_template": SystemKey(type=str, default="{words}", help="The prompt that Smart Edit sends."),
    "currency": SystemKey(type=str, default="USD", help="The currency of the limits that people have per month."),
    "exchange_rates": SystemKey(type=dict, default={}, help="What one unit costs in each currency."),
}
