"""The way to the Hugging Face hub: files one batch after the other, then one commit: a push is whole or not at all.

The hub client's own conventions hold: ``HF_TOKEN`` or its token file, ``HF_ENDPOINT`` for a mirror. What was uploaded
before a cut is not uploaded again: the hub knows it by its content. A push of what stands there makes no commit.
"""

from __future__ import annotations

import contextlib
import json
import logging
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from httpx2 import HTTPError  # the hub client's own library: what it raises where no answer comes
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.hf_api import DatasetInfo, ModelInfo
from huggingface_hub.utils.tqdm import disable_progress_bars

from components.shared.addresses import HubRepository
from components.shared.errors import InputError, UnavailableError
from components.shared.hub_token import hub_token
from components.shared.passing import links_of
from components.shared.publishing.contents import CARD, Published, PublishedFile
from components.shared.redaction import excerpt
from components.shared.stores import storage, transfers
from components.shared.stores.refusals import answer_of, may_pass, status_of

_AGAIN = "start the same command again later: what was uploaded is kept"
BATCH_FILES = 256  # that the hub takes in one request
BATCH_BYTES = 2_000_000_000  # of local copies at a time, where the folder is in a store

Info = DatasetInfo | ModelInfo


@dataclass(frozen=True, kw_only=True)
class Pushed:
    """What stands on the hub after a push."""

    address: str
    commit: str
    private: bool
    changed: bool  # whether there was anything to commit
    removed: Sequence[str]  # files of an earlier push


def push(published: Published, repository: HubRepository, *, public: bool, tell: Callable[[str], None]) -> Pushed:
    """Make a repository hold what is published of a folder; a new one is private unless it is to be ``public``."""
    logging.getLogger("huggingface_hub").setLevel(logging.ERROR)  # it warns where there is nothing to commit
    if not sys.stderr.isatty():
        disable_progress_bars()
    with _explained(repository):
        token = hub_token()
        if not token:
            raise InputError(
                f"{repository}: no token of the hub; set HF_TOKEN to one that may write there, or store one with "
                "`hf auth login`"
            )
        api = HfApi(token=token)
        info = _repository(api, repository, public)
        removed = published.stale([file.rfilename for file in info.siblings or []])
        commit = _commit(api, published, repository, info, removed, tell)
    return Pushed(
        address=f"{api.endpoint}/{'datasets/' if repository.kind == 'dataset' else ''}{repository.name}",
        commit=commit,
        private=bool(info.private),
        changed=commit != info.sha,
        removed=removed,
    )


def _repository(api: HfApi, repository: HubRepository, public: bool) -> Info:
    """Return what stands there; a repository is made where there is none."""
    try:
        info = _look(api, repository)
    except RepositoryNotFoundError:
        api.create_repo(
            repository.name,
            repo_type=repository.kind,
            visibility="public" if public else "private",
            exist_ok=True,  # somebody else was faster
        )
        info = _look(api, repository)
    if not info.private and not public:
        raise InputError(
            f"{repository} is public: everybody could read what is pushed; give --public if that is meant, push to "
            "another repository, or make it private first"
        )
    return info


def _look(api: HfApi, repository: HubRepository) -> Info:
    info = api.repo_info(repository.name, repo_type=repository.kind)
    assert isinstance(info, DatasetInfo | ModelInfo), info
    return info


def _commit(
    api: HfApi,
    published: Published,
    repository: HubRepository,
    info: Info,
    removed: Sequence[str],
    tell: Callable[[str], None],
) -> str:
    """Upload the files, then commit them all; return the commit that holds them."""
    with tempfile.TemporaryDirectory(prefix="scalequest-push-") as copies:
        additions = [CommitOperationAdd(CARD, published.card)] if published.card else []
        sent = 0
        for batch in _batches(published.files):
            tell(f"uploading {sent + 1} to {sent + len(batch)} of {len(published.files)} files")
            paths = _local(published.folder, batch, Path(copies))
            operations = [CommitOperationAdd(file.name, path) for file, path in zip(batch, paths, strict=True)]
            api.preupload_lfs_files(repository.name, operations, repo_type=repository.kind)
            additions += operations
            for path, operation in zip(paths, operations, strict=True):
                if path.is_relative_to(copies) and operation.path_or_fileobj == b"":  # it was sent; texts wait
                    path.unlink()
            sent += len(batch)
        deletions = [CommitOperationDelete(name, is_folder=False) for name in removed]
        commit = api.create_commit(
            repository.name,
            [*deletions, *additions],
            commit_message=f"Push {'/'.join(published.folder.rstrip('/').split('/')[-2:])}",
            repo_type=repository.kind,
            parent_commit=info.sha,
        )
    return str(commit.oid)


def _batches(files: Sequence[PublishedFile]) -> Iterator[list[PublishedFile]]:
    batch: list[PublishedFile] = []
    for file in files:
        if batch and (len(batch) == BATCH_FILES or sum(each.size for each in batch) + file.size > BATCH_BYTES):
            yield batch
            batch = []
        batch.append(file)
    yield batch


def _local(folder: str, batch: Sequence[PublishedFile], copies: Path) -> list[Path]:
    """Return local files, copies where the folder is in a store; InputError where one is not what the manifest says."""
    if storage.is_remote(folder):
        transfers.download_folder(folder, copies, {file.source: file.digest for file in batch})
        return [copies / file.source for file in batch]
    paths = [storage.local_path(storage.join(folder, file.source)) for file in batch]
    for file, path in zip(batch, paths, strict=True):
        if file.digest and storage.digest_file(path) != file.digest:
            raise InputError(
                f"{path} is not the file that its folder's manifest names (SHA-256 {file.digest[:12]}…): it was "
                "changed; run the folder's step again in another workspace"
            )
    return paths


@contextlib.contextmanager
def _explained(repository: HubRepository) -> Iterator[None]:
    """Turn the hub's refusals, and its silence, into one message that says what to do."""
    try:
        yield
    except InputError:
        raise
    except OfflineModeIsEnabled as error:
        raise InputError(f"{repository}: HF_HUB_OFFLINE is set; unset it to push") from error
    except RepositoryNotFoundError as error:
        raise InputError(
            f"{repository}: the hub has no such {repository.kind}, or the token may not see it; check the name and the "
            "token"
        ) from error
    except HFValidationError as error:
        raise InputError(f"{repository}: {error}") from error
    except json.JSONDecodeError as error:  # of a page that a server in between has put there
        raise UnavailableError(f"{repository}: the hub's answer cannot be read ({error}); {_AGAIN}") from error
    except (HTTPError, ConnectionError, TimeoutError, RuntimeError) as error:
        raise _refused(repository, error) from error
    except ValueError as error:
        raise InputError(f"{repository}: {excerpt(' '.join(str(error).split()), 500)}") from error


def _refused(repository: HubRepository, error: BaseException) -> Exception:
    """Return what an error of the client means: time may mend it, or the token, or its owner."""
    status = status_of(error) or _status_of_xet(error)
    messages = (link.server_message for link in links_of(error) if isinstance(link, HfHubHTTPError))
    words = next(filter(None, messages), "")
    words = excerpt(" ".join(words.split()), 300)
    said = f" ({status}: {words})" if words else f" ({status})"
    if status == 401:
        return InputError(f"{repository}: the hub does not accept the token{said}; check HF_TOKEN, or make a new token")
    if status in (402, 403):
        owner = repository.name.partition("/")[0]
        return InputError(
            f"{repository}: the hub refuses that the token writes there{said}; it has to be a token with write "
            f"permission of a member of {owner}"
        )
    if status == 404 and not status_of(error):
        return InputError(f"{repository}: the hub has no Xet storage; set HF_HUB_DISABLE_XET=1 to push without it")
    if status == 412:
        return UnavailableError(f"{repository} was changed by somebody else during the push{said}; {_AGAIN}")
    if may_pass(error) or not status:  # the client for large files says of no answer only that something was wrong
        return UnavailableError(
            f"{repository}: the hub cannot be reached or is busy ({excerpt(answer_of(error), 300)}); check the "
            f"network, and HF_ENDPOINT if it is set, and {_AGAIN}"
        )
    return InputError(f"{repository}: the hub refused ({excerpt(answer_of(error), 500)})")


def _status_of_xet(error: BaseException) -> int:
    """Return the status that the client of the Xet storage got: it only says it in words; 0 where it says none."""
    found = re.search(r"HTTP status client error \((\d{3})", str(error))
    return int(found[1]) if found else 0
