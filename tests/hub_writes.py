"""What the stand-in of the hub does with a push, by the hub's own rules.

Every write needs a token, and one that may write. Files that are large, binary, or of a kind that ``.gitattributes``
names are sent to the large file storage by their SHA-256, in parts where they are large; a commit names them, and is
refused where it names what was not sent, brings binary or large files itself, deletes what is not there, or was made
for another parent. What one commit does is done whole or not at all.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from tests.hub_stand_in import HubStandIn

LFS_PATTERNS = ("*.parquet", "*.safetensors", "*.bin", "*.arrow", "*.gz", "*.zip", "*.model")
MAX_REGULAR_BYTES = 10 * 2**20
PART_BYTES = 5 * 2**20  # of an upload by parts
GIT_ATTRIBUTES = "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in LFS_PATTERNS).encode()


class RefusalError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.code = status, code


class HubWrites:
    """The hub's API for writes, over the state of a stand-in."""

    def __init__(self, hub: HubStandIn) -> None:
        self.hub = hub

    def post(self, path: str, body: bytes) -> Any:
        """Answer a POST of the API."""
        if path == "api/validate-yaml":
            return self._validate(json.loads(body))
        if path == "api/repos/create":
            return self._create(json.loads(body))
        if path.endswith(".git/info/lfs/objects/batch"):
            return self._batch(self._writable(path.removesuffix(".git/info/lfs/objects/batch")), json.loads(body))
        if path.startswith("lfs/complete/"):
            return self._complete(json.loads(body))
        if path == "lfs/verify":
            return self._verify(json.loads(body))
        for verb, answer in (("/preupload/", self._preupload), ("/commit/", self._commit)):
            repository, found, revision = path.removeprefix("api/").removeprefix("models/").partition(verb)
            if found:
                if revision != "main":
                    raise RefusalError(404, "Invalid rev id", "RevisionNotFound")
                return answer(self._writable(repository), body)
        raise RefusalError(404, "Not found")

    def put(self, path: str, body: bytes) -> str:
        """Take what is sent to the large file storage; return its ETag."""
        oid, _, part = path.removeprefix("lfs/upload/").partition("/")
        if part:
            self.hub.parts[oid, int(part)] = body
        elif hashlib.sha256(body).hexdigest() != oid:
            raise RefusalError(400, "BadDigest")
        else:
            self.hub.blobs[oid] = body
        return hashlib.md5(body, usedforsecurity=False).hexdigest()

    def _create(self, asked: dict[str, Any]) -> dict[str, str]:
        owner, kind = asked["organization"], asked.get("type", "model")
        if owner not in self.hub.owners:
            raise RefusalError(403, f'You don\'t have the rights to create a {kind} under the namespace "{owner}"')
        repository = f"{'datasets/' if kind == 'dataset' else ''}{owner}/{asked['name']}"
        if repository in self.hub.repositories:
            raise RefusalError(409, f"You already created this {kind} repo: {owner}/{asked['name']}")
        self.hub.repositories[repository] = {".gitattributes": GIT_ATTRIBUTES}
        if asked.get("visibility") == "private":
            self.hub.private.add(repository)
        self.hub.add_commit(repository, "initial commit")
        return {"url": f"{self.hub.endpoint}/{repository}", "name": f"{owner}/{asked['name']}"}

    def _validate(self, asked: dict[str, Any]) -> dict[str, Any]:
        try:
            matter = yaml.safe_load(asked["content"].split("---\n")[1])
            wrong = [] if isinstance(matter.get("license", ""), str) else ['"license" must be a string']
        except (IndexError, yaml.YAMLError) as error:
            wrong = [str(error)]
        if wrong:
            raise RefusalError(400, json.dumps({"errors": [{"message": message} for message in wrong]}))
        return {"errors": [], "warnings": []}

    def _preupload(self, repository: str, body: bytes) -> dict[str, Any]:
        files = json.loads(body)["files"]
        assert len(files) <= 256
        standing = self.hub.repositories[repository]
        return {
            "files": [
                {
                    "path": file["path"],
                    "uploadMode": _upload_mode(file),
                    "shouldIgnore": False,
                    "oid": self.hub.oid_of(repository, file["path"]) if file["path"] in standing else None,
                }
                for file in files
            ]
        }

    def _batch(self, repository: str, asked: dict[str, Any]) -> dict[str, Any]:
        assert (asked["operation"], asked["hash_algo"]) == ("upload", "sha256"), repository
        return {"transfer": "multipart", "objects": [self._action(each) for each in asked["objects"]]}

    def _action(self, wanted: dict[str, Any]) -> dict[str, Any]:
        oid, size = wanted["oid"], wanted["size"]
        if oid in self.hub.blobs:
            return wanted
        upload: dict[str, Any] = {"href": f"{self.hub.endpoint}/lfs/upload/{oid}"}
        if size > PART_BYTES:
            numbers = range(1, -(-size // PART_BYTES) + 1)
            parts = {f"{number:05d}": f"{self.hub.endpoint}/lfs/upload/{oid}/{number}" for number in numbers}
            header = {"chunk_size": f"{PART_BYTES}", **parts}
            upload = {"href": f"{self.hub.endpoint}/lfs/complete/{oid}", "header": header}
        return wanted | {"actions": {"upload": upload, "verify": {"href": f"{self.hub.endpoint}/lfs/verify"}}}

    def _complete(self, asked: dict[str, Any]) -> dict[str, Any]:
        oid = asked["oid"]
        content = b"".join(self.hub.parts[oid, part["partNumber"]] for part in asked["parts"])
        if hashlib.sha256(content).hexdigest() != oid:
            raise RefusalError(400, "BadDigest")
        self.hub.blobs[oid] = content
        return {}

    def _verify(self, asked: dict[str, Any]) -> dict[str, Any]:
        if len(self.hub.blobs.get(asked["oid"], b"")) != asked["size"]:
            raise RefusalError(404, "Object not found")
        return {}

    def _commit(self, repository: str, body: bytes) -> dict[str, Any]:
        lines = [json.loads(line) for line in body.splitlines()]
        header = lines[0]["value"]
        assert lines[0]["key"] == "header"
        assert header["summary"]
        if header.get("parentCommit", self.hub.head(repository)) != self.hub.head(repository):
            raise RefusalError(412, "A commit has happened since. Please refresh and try again.")
        files = dict(self.hub.repositories[repository])
        for line in lines[1:]:
            _apply(line["key"], line["value"], files, self.hub.blobs)
        self.hub.repositories[repository] = files
        oid = self.hub.add_commit(repository, header["summary"])
        return {"commitUrl": f"{self.hub.endpoint}/{repository}/commit/{oid}", "commitOid": oid, "hookOutput": ""}

    def _writable(self, repository: str) -> str:
        if repository not in self.hub.repositories:
            raise RefusalError(404, "Repository not found", "RepoNotFound")
        if repository.removeprefix("datasets/").partition("/")[0] not in self.hub.owners:
            raise RefusalError(403, "Forbidden: you must have write access to this repository")
        return repository


def _upload_mode(file: dict[str, Any]) -> str:
    return "lfs" if is_large(file["path"], file["size"], base64.b64decode(file["sample"])) else "regular"


def is_large(name: str, size: int, sample: bytes) -> bool:
    """Tell whether a file belongs into the large file storage; ``sample``: how it begins."""
    return size > MAX_REGULAR_BYTES or any(fnmatch(name, pattern) for pattern in LFS_PATTERNS) or _is_binary(sample)


def _is_binary(content: bytes) -> bool:
    return b"\0" in content


def _apply(key: str, value: dict[str, Any], files: dict[str, bytes], blobs: dict[str, bytes]) -> None:
    path = value["path"]
    if key == "file":
        try:
            content = base64.b64decode(value["content"], validate=True)
        except binascii.Error as error:
            raise RefusalError(400, "content is not base64") from error
        if _is_binary(content):
            raise RefusalError(400, f"Your push was rejected because it contains binary files. Offending: - {path}")
        if len(content) > MAX_REGULAR_BYTES:
            raise RefusalError(
                400, f"Your push was rejected because it contains files larger than 10 MiB. Offending files: - {path}"
            )
        files[path] = content
    elif key == "lfsFile":
        if value["oid"] not in blobs or len(blobs[value["oid"]]) != value["size"]:
            raise RefusalError(400, f"LFS pointer pointed to a file that does not exist: {path}")
        files[path] = blobs[value["oid"]]
    else:
        assert key == "deletedFile", key
        if path not in files:
            raise RefusalError(404, "A file with this name doesn't exist", "EntryNotFound")
        del files[path]
