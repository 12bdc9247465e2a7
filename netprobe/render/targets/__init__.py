"""One module a target; the registry is written out, never discovered."""
