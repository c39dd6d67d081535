"""Simulators of the external systems: one file per system, one port, a prefix each; imports nothing of ours."""
