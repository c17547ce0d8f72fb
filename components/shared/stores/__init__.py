"""gs://, s3:// and directories behind one interface: small objects (`storage`), large files (`transfers`), listings."""
