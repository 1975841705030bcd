"""The source documents behind the graph: normalised text, layout, locators and the check against copying."""
