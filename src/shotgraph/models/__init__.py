"""Model names, folders, digests and downloads. Light: nothing here loads a weight, and only `pull` uses the network."""
