from components.score_difficulty.config import ScoreDifficultyConfig
from components.score_difficulty.step import VIEWS, run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(ScoreDifficultyConfig, run, views=VIEWS)
