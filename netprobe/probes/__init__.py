"""One module a step; each performs one step once and returns what it saw. Concludes nothing."""
