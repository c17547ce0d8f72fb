from components.deduplicate.config import DeduplicateConfig
from components.deduplicate.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(DeduplicateConfig, run)
