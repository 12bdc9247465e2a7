"""The facts: partitions, regions and endpoints, each with its source and the date it was checked."""
