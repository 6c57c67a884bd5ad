"""An object store that speaks S3: its address, the settings for our libraries, and its errors."""

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
    """Whether the text is the URI of a supported object store."""
    return text.startswith(SCHEMES)


def endpoint() -> str | None:
    """The URL of the store; None if it is Amazon's."""
    return next((os.environ[name] for name in _ENDPOINTS if os.environ.get(name)), None)


def s3a_settings() -> dict[str, str]:
    """The settings of Hadoop's S3A without credentials, which it finds by itself as Amazon's SDK does."""
    settings = {"aws.credentials.provider": _CREDENTIALS}
    url, region = endpoint(), os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region or url:
        settings["endpoint.region"] = region or _REGION
    if url:
        settings |= {"endpoint": url, "path.style.access": "true"}
    return {f"spark.hadoop.fs.s3a.{name}": value for name, value in settings.items()}


def _check_endpoint() -> None:
    if "@" in (endpoint() or ""):
        raise BadInput("AWS_ENDPOINT_URL has a name or secret before an @; give only the address")


def prepare_environment() -> None:
    """Set the environment that Delta's library and Sail read; they have no other settings for it.

    BadInput if the URL of the endpoint has a secret in it.
    """
    _check_endpoint()
    url = endpoint()
    if url:
        os.environ["AWS_ENDPOINT_URL"] = url
    if url and url.startswith("http://"):
        # Unencrypted only if the endpoint says so.
        os.environ["AWS_ALLOW_HTTP"] = "true"
    if "AWS_ACCESS_KEY_ID" not in os.environ:
        # Without this, ~/.aws is not read for an endpoint that is not Amazon's.
        os.environ.setdefault("AWS_FORCE_CREDENTIAL_LOAD", "true")
    # The libraries would print where they looked for credentials.
    os.environ.setdefault("RUST_LOG", "off")


@contextmanager
def told_of_store(bucket: str) -> Iterator[None]:
    """Turn an error of the store into one line of ours, because its own message may show keys."""
    try:
        yield
    except OSError as error:
        if error.errno:  # an error of a file on this machine
            raise
        raise _store_error(bucket, str(error)) from error


def _store_error(bucket: str, message: str) -> LakehouseError:
    if _NO_BUCKET.search(message):
        return BadInput(f"there is no bucket {bucket}{_at()}; make it, or name another --datamart")
    return LakehouseError(why_not(message))


def of_store(message: str) -> str | None:
    """An error of Delta's library about a store, as one line of ours; None if it is not about a store."""
    return why_not(message) if "Generic S3 error" in message else None


def why_not(message: str) -> str:
    """The reason why an object store failed."""
    if _REFUSED.search(message):
        return (
            f"the object store{_at()} refuses the credentials, or there are none: set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    return (
        f"the object store{_at()} cannot be reached; is AWS_ENDPOINT_URL right? Completed work stays, "
        "and the next run goes on from there"
    )


def _at() -> str:
    url = endpoint()
    return f" at {url}" if url else ""
