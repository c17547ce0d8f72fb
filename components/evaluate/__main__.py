from components.evaluate.config import EvaluateConfig
from components.evaluate.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(EvaluateConfig, run)
