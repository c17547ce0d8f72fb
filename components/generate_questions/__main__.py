from components.generate_questions.config import GenerateQuestionsConfig
from components.generate_questions.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(GenerateQuestionsConfig, run)
