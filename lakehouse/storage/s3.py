"""An object store that speaks S3: where it is, how our libraries are told of it, why it refuses."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.errors import BadInput, LakehouseError

SCHEMES = ("s3://", "s3a://")
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGION = "us-east-1"
_CREDENTIALS = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
_REFUSED = re.compile(
    r"\b40[013]\b|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken"
    r"|ExpiredToken|Missing AccessKeyId|credentials?\b",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile(r"NoSuchBucket|\b404\b")


def is_of_store(text: str) -> bool:
    """Whether a text is the URI of an object store that is supported."""
    return text.startswith(SCHEMES)


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


def prepare_environment() -> None:
    """Set what Delta's library and Sail go by; BadInput where an endpoint has a secret in it.

    They have no other way to be told.
    """
    _check_endpoint()
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


@contextmanager
def told_of_store(bucket: str) -> Iterator[None]:
    """What a store refuses as one line: its own words may show keys."""
    try:
        yield
    except OSError as error:
        if error.errno:  # of a file of this machine
            raise
        raise _told(bucket, str(error)) from error


def _told(bucket: str, words: str) -> LakehouseError:
    if _NO_BUCKET.search(words):
        return BadInput(f"there is no bucket {bucket}{_at()}; make it, or name another --datamart")
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
