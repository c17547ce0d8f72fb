from components.import_model.config import ImportModelConfig
from components.import_model.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(ImportModelConfig, run)
