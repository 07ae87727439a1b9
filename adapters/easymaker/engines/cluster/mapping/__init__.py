"""Records to manifests, and objects of the cluster to observations. Pure: no client, no clock, no file."""
