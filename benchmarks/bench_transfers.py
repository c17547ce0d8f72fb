"""What it takes to move a large file: ``python -m benchmarks.bench_transfers`` prints a Markdown table.

By the product's own transfers, in parts and several at a time, against one stream of the store's own client; to and
from SeaweedFS (S3) and fake-gcs-server (GCS), both started here, on loopback. Each measurement is a process of its own.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.bench_storage import Measurement, measured, place
from components.shared.stores import storage, transfers

STORES = ("s3", "gs")
NAME = "model.safetensors"


def main(argv: Sequence[str]) -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench_transfers", description=__doc__)
    parser.add_argument("--stores", nargs="+", choices=STORES, default=STORES)
    parser.add_argument("--mib", type=int, default=1024, help="size of the file")
    options = parser.parse_args(argv)
    _print("| store | | one stream | by parts | MiB/s by parts | peak memory by parts |")
    _print("|---|---|---|---|---|---|")
    for store in options.stores:
        with place(store) as (uri, environment), tempfile.TemporaryDirectory() as folder:
            digest = write_file(Path(folder) / "source" / NAME, options.mib)
            for verb, one, ours in (
                ("upload", upload_stream, upload_parts),
                ("download", download_stream, download_parts),
            ):
                works: tuple[Callable[..., None], ...] = (one, ours)
                stream, parts = (measured(environment, work, uri, folder, digest) for work in works)
                _print(_line(store, verb, stream, parts, options.mib))


def _line(store: str, verb: str, stream: Measurement, parts: Measurement, mib: int) -> str:
    return (
        f"| {store} | {verb} | {stream.seconds:.1f} s | {parts.seconds:.1f} s | {mib / parts.seconds:.0f} "
        f"| {parts.peak_mib:.0f} MiB |"
    )


def write_file(path: Path, mib: int) -> str:
    """Write a file of bytes that nothing compresses; return its SHA-256."""
    path.parent.mkdir()
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(os.urandom(2**20))
    return storage.digest_file(path)


def upload_parts(uri: str, folder: str, _: str) -> None:
    """Upload as a step does."""
    transfers.upload_folder(Path(folder) / "source", storage.join(uri, "parts"))


def download_parts(uri: str, folder: str, digest: str) -> None:
    """Download as a step does, and hold what arrives against its digest."""
    transfers.download_folder(storage.join(uri, "parts"), Path(folder) / "parts", {NAME: digest})


def upload_stream(uri: str, folder: str, _: str) -> None:
    """Upload with the store's own client, in one stream."""
    source = Path(folder) / "source" / NAME
    if storage.scheme_of(uri) == "gs":
        from google.cloud.storage import Blob

        from components.shared.stores._gs_uploads import google_client

        Blob.from_uri(storage.join(uri, "stream"), client=google_client()).upload_from_filename(str(source))
    else:
        _s3fs().put_file(str(source), storage.join(uri, "stream"))


def download_stream(uri: str, folder: str, _: str) -> None:
    """Download with the store's own client, in one stream."""
    target = str(Path(folder) / "stream")
    if storage.scheme_of(uri) == "gs":
        from google.cloud.storage import Blob

        from components.shared.stores._gs_uploads import google_client

        Blob.from_uri(storage.join(uri, "stream"), client=google_client()).download_to_filename(target)
    else:
        _s3fs().get_file(storage.join(uri, "stream"), target)


def _s3fs() -> Any:
    from s3fs import S3FileSystem

    return S3FileSystem(max_concurrency=1)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
