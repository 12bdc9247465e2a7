"""Allowlists for firewalls and proxies: lowering of host patterns, and templates that only lay text out."""
