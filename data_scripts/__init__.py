"""Fetch the public data sets with checksums, verify them, and make the built-in sample."""

from .fetch import PHYSIONET_URL, DatasetState, FetchResult, VerifyResult, fetch, list_datasets, verify

__all__ = ["PHYSIONET_URL", "DatasetState", "FetchResult", "VerifyResult", "fetch", "list_datasets", "verify"]
