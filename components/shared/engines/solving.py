"""How a solver is asked: the same for responses that are kept and for those that only measure its fail rate."""

from __future__ import annotations

from components.shared.config.engines import SolverConfig
from components.shared.engines import Request, Sampling
from components.shared.records import Question
from components.shared.seeds import derive_seed
from components.shared.texts.prompts import SOLVE, fill_prompt, load_prompt, load_solve_examples


def sampling_of(config: SolverConfig) -> Sampling:
    """Return how responses are drawn."""
    return Sampling(temperature=config.temperature, top_p=config.top_p, max_tokens=config.max_tokens)


class SolverPrompt:
    """Makes requests from questions; the prompt and its examples are read once. ``prompt``: "" for the default one."""

    def __init__(self, config: SolverConfig, prompt: str = "") -> None:
        self.config = config
        self.prompt = prompt or load_prompt(SOLVE)
        self.examples = load_solve_examples(self.prompt, config.num_examples)

    def request(self, question: Question) -> Request[None]:
        """Request all samples of a question at once, with one prefill and a seed derived from the row."""
        return Request(
            message=fill_prompt(self.prompt, question=question.question),
            seed=derive_seed(self.config.seed, self.config.step, question.id),
            num_samples=self.config.num_samples,
            examples=self.examples,
        )
