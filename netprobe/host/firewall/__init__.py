"""What the local packet filter of a host or image does to the traffic that ECS Anywhere needs. Read, never loaded."""
