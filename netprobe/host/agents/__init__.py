"""The programs of an ECS Anywhere host, and with which settings each of them reaches out. Touches no network."""
