from components.import_questions.config import ImportQuestionsConfig
from components.import_questions.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(ImportQuestionsConfig, run)
