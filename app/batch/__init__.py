"""Any number of recordings, one result each: in processes of this machine or on a Dask cluster, resumable."""
