"""Audits: what is found out about a model or its data, and said as findings."""
