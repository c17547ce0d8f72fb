from components.filter_language.config import FilterLanguageConfig
from components.filter_language.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(FilterLanguageConfig, run)
