from components.judge_paraphrases.config import JudgeParaphrasesConfig
from components.judge_paraphrases.step import run
from components.shared.command.step_command import run_step

if __name__ == "__main__":
    run_step(JudgeParaphrasesConfig, run)
