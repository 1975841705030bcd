"""SPARQL as text and over HTTP, without a web framework and without an engine."""
