from components.filter_solvability.config import FilterSolvabilityConfig
from components.filter_solvability.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(FilterSolvabilityConfig, run)
