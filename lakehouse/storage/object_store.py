"""An object store, of S3 or Azure: its address, the settings for our libraries, and its errors."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from lakehouse.errors import BadInput, LakehouseError

SCHEMES = ("s3://", "s3a://")
AZURE = "az://"
ABFSS = re.compile(r"abfss://([a-z0-9-]+)@([a-z0-9]+)\.dfs\.core\.windows\.net/(.*)")
STORES = (*SCHEMES, AZURE, "abfss://")
_ACCOUNT = "AZURE_STORAGE_ACCOUNT_NAME"
_ENDPOINTS = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
_REGION = "us-east-1"
_CREDENTIALS = "software.amazon.awssdk.auth.credentials.DefaultCredentialsProvider"
_REFUSED = re.compile(
    r"\b40[013]\b|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken"
    r"|ExpiredToken|Missing AccessKeyId|credentials?\b|must be specified",
    re.IGNORECASE,
)
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|\b404\b")
_OF_AZURE = "Generic MicrosoftAzure error"
# The others are what its HTTP client says, which the engine passes on by itself.
_OF_STORE = re.compile(
    f"Generic S3 error|{_OF_AZURE}|Server returned (non-2xx status|error response)|error sending request"
)


def is_of_store(text: str) -> bool:
    """Whether the text is the URI of a supported object store."""
    return text.startswith(STORES)


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
def told_of_store(bucket: str, option: str) -> Iterator[None]:
    """Turn an error of the store into one line of ours, because its own message may show keys.

    `option` is the one that names the bucket.
    """
    try:
        yield
    except OSError as error:
        if error.errno:  # an error of a file on this machine
            raise
        raise _store_error(bucket, option, str(error)) from error


def _store_error(bucket: str, option: str, message: str) -> LakehouseError:
    if _NO_BUCKET.search(message):
        at = "" if _OF_AZURE in message else at_endpoint()
        return BadInput(f"there is no bucket {bucket}{at}; make it, or name another {option}")
    return LakehouseError(why_not(message))


def of_store(message: str) -> str | None:
    """An error of Delta's library about a store, as one line of ours; None if it is not about a store."""
    return why_not(message) if _OF_STORE.search(message) else None


def why_not(message: str) -> str:
    """The reason why an object store failed."""
    if _OF_AZURE in message:
        return _why_not_azure(message)
    if _REFUSED.search(message):
        return (
            f"the object store{at_endpoint()} refuses the credentials, or there are none: set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
        )
    return (
        f"the object store{at_endpoint()} cannot be reached; is AWS_ENDPOINT_URL right? Completed work "
        "stays, and the next run goes on from there"
    )


def _why_not_azure(message: str) -> str:
    account = os.environ.get(_ACCOUNT, "")
    if _REFUSED.search(message):
        return (
            f"Azure's store {account} refuses the credentials, or there are none: set {_ACCOUNT} and "
            "AZURE_STORAGE_ACCOUNT_KEY, or what AZURE_CLIENT_ID and its like need"
        )
    return (
        f"Azure's store {account} cannot be reached; is {_ACCOUNT} right? Completed work stays, and the next "
        "run goes on from there"
    )


def set_account(name: str, option: str) -> None:
    """Set the account of an abfss:// URI for our libraries; BadInput if the environment names another."""
    if os.environ.setdefault(_ACCOUNT, name) != name:
        raise BadInput(f"{option} is in the account {name}, but {_ACCOUNT} names another")


def at_endpoint() -> str:
    """` at URL` of the store, for a message; empty if it is Amazon's."""
    url = endpoint()
    return f" at {url}" if url else ""
