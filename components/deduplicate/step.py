"""Reject questions that repeat an earlier one, exactly or nearly."""

from __future__ import annotations

from components.deduplicate.config import DeduplicateConfig
from components.shared.records import Question, Reject
from components.shared.workspace import Workspace


def run(config: DeduplicateConfig, workspace: Workspace) -> str:
    """Compare every question with those kept before it; return the folder's address.

    One process, in the order of the input. Started again, it reads the finished parts to know what they kept.
    """
    from components.deduplicate.index import Index

    questions = workspace.read(config.questions, Question)
    folder = workspace.open(config, questions).begin_rows(Question, questions.slices(config.rows_per_part))
    if folder.finished:
        return folder.uri
    index = Index(len(questions), config.min_similarity)
    num_known = 0
    for part in folder.missing_parts(in_order=True):
        for number in range(num_known, part.number):
            for row in folder.read_part(number):
                index.add(row.id, row.question)
        num_known = part.number + 1
        for position, row in part.rows(questions.read(part.slice)):
            match = index.find_or_add(row.id, row.question)
            if match is None:
                part.settle(position, kept=[row])
            else:
                reason = "exact_duplicate" if match.exact else "near_duplicate"
                part.settle(position, rejected=[Reject(row=row, reason=reason, detail=match.id)])
    return folder.finish()
