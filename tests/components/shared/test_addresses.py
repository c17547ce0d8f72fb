from components.shared.addresses import parse_address


def test_a_slash_in_a_revision_is_written_as_the_hub_writes_it() -> None:
    uri = "hf://datasets/org/name@refs%2Fconvert%2Fparquet/default/train/0000.parquet"
    address = parse_address(uri, "dataset")
    assert (address.revision, address.path) == ("refs/convert/parquet", "default/train/0000.parquet")
    assert str(address) == uri
