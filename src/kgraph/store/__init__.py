"""Where the dataset is asked: one interface, an engine in this process, and the same engine in killable processes."""
