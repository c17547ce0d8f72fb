from components.shared.command.step_command import run_step
from components.train_scorer.config import TrainScorerConfig
from components.train_scorer.step import run

if __name__ == "__main__":
    run_step(TrainScorerConfig, run)
