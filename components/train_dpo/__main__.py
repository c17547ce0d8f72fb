from components.shared.command.step_command import run_step
from components.train_dpo.config import TrainDpoConfig
from components.train_dpo.step import run

if __name__ == "__main__":
    run_step(TrainDpoConfig, run)
