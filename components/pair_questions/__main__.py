from components.pair_questions.config import PairQuestionsConfig
from components.pair_questions.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(PairQuestionsConfig, run)
