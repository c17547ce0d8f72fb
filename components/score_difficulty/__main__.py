from components.score_difficulty.config import ScoreDifficultyConfig
from components.score_difficulty.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(ScoreDifficultyConfig, run)
