"""Facts about a running host or an image root; touches no network."""
