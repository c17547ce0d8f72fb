from components.find_contamination.config import FindContaminationConfig
from components.find_contamination.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(FindContaminationConfig, run)
