from __future__ import annotations

import pytest

from components.shared.stores._s3_client import S3Client


@pytest.mark.parametrize(
    ("variables", "options", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, {}, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, {}, "eu-west-1"),
        (
            {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"},
            {},
            "eu-west-1",
        ),
        ({"AWS_REGION": "eu-west-1"}, {"client_kwargs": {"region_name": "us-west-2"}}, "us-west-2"),
    ],
)
def test_the_region_is_the_one_that_the_environment_names(
    variables: dict[str, str], options: dict[str, dict[str, str]], region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", **variables}.items():
        monkeypatch.setenv(name, value)
    client = S3Client(skip_instance_cache=True, **options)
    client.connect()
    assert client.s3.meta.region_name == region
