"""One reader for each kind of file that a Linux host keeps its facts in, with the line of every fact.

Rules, vantages and probes ask here and nowhere else, so that a unit's environment or a resolver is understood in one
way only. A reader gets a file system or lines, and gives back what the owning program takes from them; it judges
nothing, opens no socket and runs nothing.
"""
