"""What holds, measured: the long drills write down their figures, and the report lays them beside the goals."""
