"""The front door: the command line. It imports the rest lazily, so that --help answers at once."""
