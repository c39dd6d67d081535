"""`make bench`: our calls beside a bare aiohttp handler with one Redis script, interleaved in one run."""
