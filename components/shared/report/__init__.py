"""The page of a dataset or of a run: one HTML file that loads nothing, made from manifests and few of the rows."""
