"""kgraph: an evidence synthesis as a living knowledge graph."""

__version__ = "0.1.0"
