"""Models and data sets of the Hugging Face hub, always at one commit.

The hub client's own conventions hold: ``HF_TOKEN`` for private and gated repositories, ``HF_ENDPOINT`` for a mirror,
``HF_HOME`` for its cache.
"""

from __future__ import annotations

import contextlib
import fnmatch
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from httpx2 import HTTPError  # the hub client's own library, for its errors if no answer comes
from huggingface_hub import (
    HfApi,
    constants,
    get_hf_file_metadata,
    hf_hub_download,
    hf_hub_url,
    snapshot_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils.tqdm import disable_progress_bars

from components.shared import speaking
from components.shared.addresses import HubAddress
from components.shared.errors import InputError, NotAllowedError, NotHereError, UnavailableError
from components.shared.hub_token import hub_token
from components.shared.stores.refusals import answer_of, may_pass


def is_offline() -> bool:
    """Tell whether the environment forbids to ask the hub."""
    return bool(constants.HF_HUB_OFFLINE)


def check_file(address: HubAddress) -> None:
    """Raise InputError unless the one file that the address names can be downloaded; downloads nothing."""
    if is_offline():
        return
    with _explained(address):
        url = hf_hub_url(address.repo, address.path, repo_type=address.kind, revision=address.revision)
        get_hf_file_metadata(url)


def pin(address: HubAddress) -> HubAddress:
    """Return the address with its revision resolved to a commit; a commit is returned without a request."""
    if address.is_pinned:
        return address
    with _explained(address):
        commit = HfApi().repo_info(address.repo, repo_type=address.kind, revision=address.revision).sha
    assert commit is not None, address
    return HubAddress(kind=address.kind, repo=address.repo, revision=commit, path=address.path)


def names_at_top(address: HubAddress) -> list[str]:
    """Return the names of all files at the top of the repository."""
    with _explained(address):
        names = HfApi().list_repo_files(address.repo, repo_type=address.kind, revision=address.revision)
    return [name for name in names if "/" not in name]


def download_repository(address: HubAddress, patterns: Sequence[str], but_not: Sequence[str] = ()) -> Path:
    """Return a local folder with those files at the top of the repository that match ``patterns``."""
    with _downloading(address):
        return Path(
            snapshot_download(
                address.repo,
                repo_type=address.kind,
                revision=address.revision,
                allow_patterns=list(patterns),
                ignore_patterns=["*/*", *but_not],  # subfolders hold other formats of the same weights
            )
        )


def names_matching(address: HubAddress) -> list[str]:
    """Return the sorted paths in the repository that the address's path, a pattern, names."""
    with _explained(address):
        names = HfApi().list_repo_files(address.repo, repo_type=address.kind, revision=address.revision)
    return sorted(fnmatch.filter(names, address.path))


def download_file(address: HubAddress) -> Path:
    """Return a local copy of the one file that the address names."""
    with _downloading(address):
        return Path(
            hf_hub_download(address.repo, address.path, repo_type=address.kind, revision=address.revision),
        )


@contextlib.contextmanager
def _downloading(address: HubAddress) -> Iterator[None]:
    """Say what is downloaded; the client's bars are for terminals."""
    if not sys.stderr.isatty():
        disable_progress_bars()
    with _explained(address), speaking.phase(f"downloading {address}"):
        yield


@contextlib.contextmanager
def _explained(address: HubAddress) -> Iterator[None]:
    """Turn an error of the hub, or no response, into one message that says what to do."""
    hub_token()  # masked from now on: an error may quote it
    try:
        yield
    except GatedRepoError as error:
        raise NotAllowedError(
            f"{address}: the repository is gated; accept its terms on the hub, then set HF_TOKEN to a token of that "
            "account"
        ) from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{address}: the hub has no such {address.kind}; check the name, and set HF_TOKEN if it is private"
        ) from error
    except RevisionNotFoundError as error:
        raise InputError(f"{address}: the repository has no revision {address.revision!r}") from error
    except LocalEntryNotFoundError as error:  # what the client raises without an answer, if its cache has no copy
        raise _unanswered(address, error.__cause__ or error) from error
    except EntryNotFoundError as error:
        raise InputError(f"{address}: the repository has no file {address.path!r} at this revision") from error
    except HFValidationError as error:
        raise InputError(f"{address}: {error}") from error
    except (HTTPError, ConnectionError, TimeoutError) as error:
        raise _unanswered(address, error) from error


def unusable_endpoint() -> str:
    """Return HF_ENDPOINT if it is no URL; "" if it is one, or not set."""
    endpoint = os.environ.get("HF_ENDPOINT", "")
    return "" if not endpoint or re.match(r"https?://[^/]", endpoint) else endpoint


def _unanswered(address: HubAddress, error: BaseException) -> Exception:
    """Return the error if no answer came: temporary, unless the hub refused or must not be asked.

    The client itself retries an interrupted download.
    """
    if isinstance(error, OfflineModeIsEnabled):
        return NotHereError(f"{address}: HF_HUB_OFFLINE is set, and the cache (HF_HOME) lacks this; unset it")
    if endpoint := unusable_endpoint():
        return InputError(f"HF_ENDPOINT is {endpoint!r}; expected the hub's URL, such as https://hub.example")
    if may_pass(error):
        return UnavailableError(
            f"{address}: the hub cannot be reached or is busy ({answer_of(error)}); check the network, and "
            "HF_ENDPOINT if it is set, and start the same command again later"
        )
    return InputError(f"{address}: the hub refused ({answer_of(error)})")
