from components.build_preferences.config import BuildPreferencesConfig
from components.build_preferences.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(BuildPreferencesConfig, run)
