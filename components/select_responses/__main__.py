from components.select_responses.config import SelectResponsesConfig
from components.select_responses.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(SelectResponsesConfig, run)
