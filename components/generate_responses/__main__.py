from components.generate_responses.config import GenerateResponsesConfig
from components.generate_responses.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(GenerateResponsesConfig, run)
