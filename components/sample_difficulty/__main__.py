from components.sample_difficulty.config import SampleDifficultyConfig
from components.sample_difficulty.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(SampleDifficultyConfig, run)
