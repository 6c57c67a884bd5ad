"""Where a datamart is: a folder of this machine, or a prefix of an object store that speaks S3."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from lakehouse.errors import BadInput, LakehouseError

if TYPE_CHECKING:
    from deltalake._internal import DeltaFileSystemHandler

_SCHEMES = ("s3://", "s3a://")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# What neither Delta, Spark nor Sail takes for a pattern, or spells in another way.
_PREFIX = re.compile(r"[A-Za-z0-9_.+-]+(/[A-Za-z0-9_.+-]+)*")
# Where the executors of a cluster find what was landed; a run alone has it.
LANDED = "_work/landed"
_CHUNK_BYTES = 8 << 20
# The first look fails soon where there is nothing; work that is under way is more patient.
_FIRST_LOOK = {"max_retries": "2", "retry_timeout": "10s", "connect_timeout": "5s"}
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGION = "us-east-1"
_CREDENTIALS = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
_REFUSED = re.compile(
    r"\b40[013]\b|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken"
    r"|ExpiredToken|Missing AccessKeyId|credentials?\b",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile(r"NoSuchBucket|\b404\b")


@dataclass(frozen=True)
class Bucket:
    """A prefix of an object store, by a URI as s3a://bucket/prefix."""

    uri: str

    def __str__(self) -> str:
        return self.uri

    @property
    def name(self) -> str:
        """The bucket alone."""
        return self.uri.split("/")[2]

    def check(self) -> None:
        """BadInput where there is no such bucket, LakehouseError where it is not to be reached or read."""
        self._names("", _FIRST_LOOK)

    def names(self, within: str = "") -> set[str]:
        """What is in it, or in a folder of it, by the first part of each name."""
        return self._names(within, {})

    def _names(self, within: str, options: dict[str, str]) -> set[str]:
        with told_of_store(self):
            infos = self._handler(options).get_file_info_selector(within, True, False)
        return {info.base_name for info in infos}

    def files(self, within: str) -> set[str]:
        """Every object in a folder of it, by its path in that folder."""
        with told_of_store(self):
            infos = self._handler().get_file_info_selector(within, True, True)
        return {info.path.removeprefix(f"{within}/") for info in infos if info.is_file}

    def put(self, file: Path, name: str) -> None:
        """A file of this machine as an object, whole or not at all."""
        with told_of_store(self), file.open("rb") as source:
            stream = self._handler().open_output_stream(name)
            while chunk := source.read(_CHUNK_BYTES):
                stream.write(chunk)
            stream.close()  # type: ignore[attr-defined]

    def get(self, name: str, file: Path) -> None:
        """An object as a file of this machine."""
        with told_of_store(self), file.open("wb") as target:
            stream = self._handler().open_input_file(name)
            while chunk := bytes(stream.read(_CHUNK_BYTES)):
                target.write(chunk)

    def delete(self, within: str) -> None:
        """Every object in a folder of it."""
        for name in self.files(within):
            self._handler().delete_file(f"{within}/{name}")

    def _handler(self, options: dict[str, str] | None = None) -> DeltaFileSystemHandler:
        # delta-rs's own, so that every look at the store goes by the same credentials.
        from deltalake._internal import DeltaFileSystemHandler

        return DeltaFileSystemHandler(self.uri, options)


Place = Path | Bucket


def is_of_store(text: str) -> bool:
    """Whether a text is the URI of an object store that is supported."""
    return text.startswith(_SCHEMES)


def place(given: str | Path | Bucket) -> Place:
    """The place of a text or path; BadInput for a URI of a store that cannot be one of a datamart."""
    if isinstance(given, Bucket) or not is_of_store(str(given)):
        return given if isinstance(given, Bucket) else Path(given)
    name, _, prefix = str(given).partition("://")[2].rstrip("/").partition("/")
    if not (_BUCKET.fullmatch(name) and _PREFIX.fullmatch(prefix)):
        # It is not shown: what is before an @ would be a secret.
        raise BadInput(
            "a datamart in an object store is s3a://bucket/prefix, the prefix of letters, digits and "
            "_ . + - / alone; credentials come from the environment or ~/.aws, never from the URI"
        )
    _check_endpoint()
    _prepare_environment()
    # Hadoop knows s3a alone, Delta's library and Sail know both.
    return Bucket(f"s3a://{name}/{prefix}")


def endpoint() -> str | None:
    """The URL of the store where it is not Amazon's own; None where it is."""
    return next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)


def s3a_settings() -> dict[str, str]:
    """What Hadoop's S3A needs to know beside credentials, which it finds by itself as Amazon's SDK does."""
    settings = {"aws.credentials.provider": _CREDENTIALS}
    url, region = endpoint(), os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or url:
        settings["endpoint.region"] = region or _REGION
    if url:
        settings |= {"endpoint": url, "path.style.access": "true"}
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in settings.items()}


def _check_endpoint() -> None:
    if "@" in (endpoint() or ""):
        raise BadInput("AWS_ENDPOINT_URL has a name or secret before an @; give the address alone")


def _prepare_environment() -> None:
    """What Delta's library and Sail, which have no other way to be told, need to go on."""
    url = endpoint()
    if url:
        os.environ["AWS_ENDPOINT_URL"] = url
    if url and url.startswith("http://"):
        # Without encryption only where the endpoint says so.
        os.environ["AWS_ALLOW_HTTP"] = "true"
    if "AWS_ACCESS_KEY_ID" not in os.environ:
        # Else ~/.aws is not read for an endpoint of one's own.
        os.environ.setdefault("AWS_FORCE_CREDENTIAL_LOAD", "true")
    # It would print where it looked for credentials.
    os.environ.setdefault("RUST_LOG", "off")


def has(where: Place, name: str) -> bool:
    """Whether a datamart has a file of that path in it."""
    if isinstance(where, Path):
        return (where / name).is_file()
    folder, _, last = name.rpartition("/")
    return last in where.names(folder)


def keep(where: Place, file: Path, name: str) -> None:
    """Move a file of this machine into a datamart; it is there whole or not at all."""
    if isinstance(where, Bucket):
        where.put(file, name)
        return
    target = where / name
    target.parent.mkdir(parents=True, exist_ok=True)
    file.replace(target)


@contextmanager
def scratch(where: Bucket) -> Iterator[str]:
    """A folder in a store for what executors of a cluster write for this machine, gone afterwards."""
    name = f"_work/{uuid4().hex}"
    try:
        yield name
    finally:
        where.delete(name)


def on_this_machine(where: Place) -> Path:
    """The folder of a datamart; BadInput where it is in an object store, for what works on files."""
    if isinstance(where, Bucket):
        raise BadInput(
            f"datamart {where} is in an object store, where this is not supported yet: copy it to a "
            "folder while nobody writes to it, do it there and copy it back"
        )
    return where


@contextmanager
def told_of_store(where: Bucket) -> Iterator[None]:
    """What a store refuses as one line: its own words may show keys."""
    try:
        yield
    except OSError as error:
        if error.errno:  # of a file of this machine
            raise
        raise _told(where, str(error)) from error


def _told(where: Bucket, words: str) -> LakehouseError:
    if _NO_BUCKET.search(words):
        return BadInput(
            f"there is no bucket {where.name}{_at()}; make it, or name another --datamart"
        )
    return LakehouseError(why_not(words))


def of_store(words: str) -> str | None:
    """What an error of Delta's library says of a store, as one line; None where it says nothing of one."""
    return why_not(words) if "Generic S3 error" in words else None


def why_not(words: str) -> str:
    """Why an object store did not do what was asked of it."""
    if _REFUSED.search(words):
        return (
            f"the object store{_at()} refuses these credentials, or there are none: set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    return (
        f"the object store{_at()} cannot be reached; is AWS_ENDPOINT_URL right? What is whole stays, "
        "the next run goes on from there"
    )


def _at() -> str:
    url = endpoint()
    return f" at {url}" if url else ""
