"""How questions are put to a solver: alike where its responses are kept and where they only show how often it fails."""

from __future__ import annotations

from components.shared.config.engines import SolverConfig
from components.shared.engines import Request, Sampling
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt, load_solve_examples


class SolverPrompt:
    """Makes requests of questions; the prompt and its examples are read once. ``prompt``: "" for the usual one."""

    def __init__(self, config: SolverConfig, prompt: str = "") -> None:
        self.config = config
        self.prompt = prompt or load_prompt(SOLVE)
        self.examples = load_solve_examples(self.prompt, config.num_examples)

    @property
    def sampling(self) -> Sampling:
        """How responses are drawn."""
        config = self.config
        return Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)

    def request(self, question: Question) -> Request[None]:
        """Ask for all samples of a question at once, which reads it once; its seed is its own."""
        return Request(
            message=fill_prompt(self.prompt, question=question.question),
            seed=derive_seed(self.config.seed, self.config.step, question.id),
            num_samples=self.config.num_samples,
            examples=self.examples,
        )
