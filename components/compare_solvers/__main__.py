from components.compare_solvers.config import CompareSolversConfig
from components.compare_solvers.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(CompareSolversConfig, run)
