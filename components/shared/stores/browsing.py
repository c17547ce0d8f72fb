"""Where a browser shows a folder of a store."""

from __future__ import annotations

import os
from urllib.parse import quote

# Either says that s3:// is another store than Amazon's, which has no page that we know of.
_OTHER_STORE = ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")


def page_of(folder: str) -> str:
    """Return the address of the cloud's page with a folder's objects; "" where there is none."""
    scheme, _, place = folder.partition("://")
    if scheme == "gs":
        return f"https://console.cloud.google.com/storage/browser/{quote(place)}"
    if scheme == "s3" and not any(map(os.environ.get, _OTHER_STORE)):
        bucket, _, prefix = place.partition("/")
        return f"https://s3.console.aws.amazon.com/s3/buckets/{quote(bucket)}?prefix={quote(prefix)}/"
    return ""
