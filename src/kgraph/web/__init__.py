"""The faces over HTTP: the SPARQL endpoint, resources as data, and pages for people."""
