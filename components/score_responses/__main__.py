from components.score_responses.config import ScoreResponsesConfig
from components.score_responses.step import VIEWS, run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(ScoreResponsesConfig, run, views=VIEWS)
