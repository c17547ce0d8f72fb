from components.shared.command.step_command import run_step
from components.train_sft.config import TrainSftConfig
from components.train_sft.step import run

if __name__ == "__main__":
    run_step(TrainSftConfig, run)
