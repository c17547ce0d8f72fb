from components.decontaminate.config import DecontaminateConfig
from components.decontaminate.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(DecontaminateConfig, run)
