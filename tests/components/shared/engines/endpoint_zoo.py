"""The endpoint zoo: servers of models, what each answers, and what has to become of the rows."""

from __future__ import annotations

from tests.components.shared.engines.endpoint_behaviours import (
    BAD,
    KEY,
    STEPS,
    AllRejected,
    Ends,
    Kept,
    Rejected,
    Zoo,
    at_first,
    content,
    ends_by,
    events,
    for_rows,
    for_the_bad_row,
    for_the_bad_row_alone,
    once,
    once_for_each_row,
    one_error_in_two,
    said,
    stream,
    unless,
    well,
)
from tests.components.shared.engines.served import Answer, refusal

TRAPS = "Is it \\boxed{5}? <question>draft</question> no.\nVerdict: No\nwait"  # what a thought may hold
NO_ANSWER = {
    "generate_responses": "no_final_answer",
    "filter_solvability": "no_verdict",
    "build_preferences": "no_marker",
    "evaluate": "no_answer",
}
THINKING = [{"type": "thinking", "thinking": [{"type": "text", "text": TRAPS}]}]
NO_CHOICES = Answer(body={"id": "x", "choices": None})
LIMITS = {
    "groq": (
        "tokens",
        "rate_limit_exceeded",
        "Please try again in 9.9s. Visit https://console.example/settings/billing",
    ),
    "openai": ("requests", "rate_limit_exceeded", "You can add a payment method at https://example/account/billing"),
    "gemini": ("", 429, "You exceeded your current quota, please check your plan. Please retry in 0.5s."),
}
PIECE = {"choices": [{"index": 0, "delta": {"content": "The answer is \\boxed{5}"}}]}
GARBLED = {
    "choice": {"choices": ["x"]},
    "index": {"choices": [{"index": "a", "delta": {"content": "x"}}]},
    "delta": {"choices": [{"index": 0, "delta": {"content": ["x"]}}, {"index": 0, "delta": {"content": "x"}}]},
}
IN_A_200 = {"error": {"message": "Provider returned error", "code": 429}}
EXTRA_SEED = {"detail": [{"type": "extra_forbidden", "loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}
NO_MAX_TOKENS = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)


def everywhere(reason: str, **others: str) -> AllRejected:
    return AllRejected(reasons={step: others.get(step, reason) for step in STEPS})


ENDINGS = [
    *(Zoo(name=f"ends_{word}", answer=ends_by(word), outcome=Kept()) for word in ("eos", "end_turn", "STOP", "end")),
    *(
        Zoo(name=f"ends_{word}", answer=ends_by(word), outcome=Kept())
        for word in ("eos_token", "COMPLETE", "endOfTurn")
    ),
    Zoo(name="ends_null", answer=ends_by(None), outcome=everywhere("no_finish_reason")),
    *(
        Zoo(name=f"ends_{number}_{word}", answer=ends_by(word), outcome=Kept())
        for number, word in enumerate(("stop_token", "eos_token_id", "hit_eos", "<|im_end|>", "</s>"))
    ),
    Zoo(name="ends_otherwise", answer=ends_by("zigzag"), outcome=Ends(code=2, words="'zigzag'", after=True)),
    Zoo(
        name="row_ends_otherwise",
        answer=lambda body, _: said(body, "zigzag" if BAD in body["messages"][-1]["content"] else "stop"),
        outcome=Rejected(words="zigzag", reason="unknown_finish_reason"),
    ),
    Zoo(
        name="ends_filtered",
        answer=lambda body, _: said(body, "content_filter", content=lambda _: None),
        outcome=everywhere("filtered"),
    ),
    Zoo(name="ends_safety", answer=ends_by("SAFETY"), outcome=everywhere("filtered")),
    Zoo(
        name="ends_max_tokens",
        answer=ends_by("MAX_TOKENS"),
        outcome=everywhere("length", filter_solvability="cut_off", build_preferences="cut_off", evaluate="cut_off"),
    ),
]
PASSING = [
    *(
        Zoo(name=f"once_{status}", answer=once(refusal(status, "later")), outcome=Kept())
        for status in (529, 524, 521, 530, 429, 500)
    ),
    Zoo(name="once_error_in_200", answer=once(Answer(body=IN_A_200)), outcome=Kept()),
    Zoo(name="once_no_choices", answer=once(Answer(body={"id": "", "choices": None, "usage": None})), outcome=Kept()),
    Zoo(name="first_four_without_choices", answer=at_first(NO_CHOICES, 4), outcome=Kept()),
    Zoo(name="each_row_once_without_choices", answer=once_for_each_row(NO_CHOICES), outcome=Kept()),
    Zoo(name="each_row_once_a_web_page", answer=once_for_each_row(Answer(body=b"<html>")), outcome=Kept()),
    *(
        Zoo(name=f"each_row_once_{status}", answer=once_for_each_row(refusal(status, "hiccup")), outcome=Kept())
        for status in (400, 403, 404, 499)
    ),
    *(
        Zoo(
            name=f"limit_of_{name}",
            answer=once(Answer(status=429, body={"error": {"message": words, "type": kind, "code": code}})),
            outcome=Kept(),
        )
        for name, (kind, code, words) in LIMITS.items()
    ),
    Zoo(
        name="once_own_code_in_200",
        answer=once(Answer(body={"error": {"code": "1302", "message": "rate limit"}})),
        outcome=Kept(),
    ),
    Zoo(
        name="once_base_resp",
        answer=once(Answer(body={"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}})),
        outcome=Kept(),
    ),
    *(Zoo(name=f"once_garbled_{name}", answer=once(events(chunk)), outcome=Kept()) for name, chunk in GARBLED.items()),
    Zoo(
        name="once_an_error_amid_a_stream",
        answer=once(events(PIECE, {"error": {"code": 502, "message": "upstream"}})),
        outcome=Kept(),
    ),
    Zoo(
        name="once_an_error_beside_choices",
        answer=lambda body, number: Answer(
            body=said(body, None if number in (1, 3) else "stop").body
            | ({"error": {"code": 502, "message": "upstream"}} if number in (1, 3) else {})
        ),
        outcome=Kept(),
    ),
    Zoo(
        name="endless_tokens",
        answer=lambda body, _: Answer(body=said(body).body | {"usage": {"completion_tokens": float("inf")}}),
        outcome=Kept(),
    ),
    Zoo(name="once_cut", answer=once(Answer(body={"choices": []}, cut=True)), outcome=Kept()),
    Zoo(name="error_in_a_choice", answer=one_error_in_two, outcome=Kept()),
    Zoo(name="always_503", answer=lambda *_: refusal(503, "overloaded"), outcome=Ends(code=75, words="overloaded")),
    Zoo(
        name="always_error_in_200",
        answer=lambda *_: Answer(body=IN_A_200),
        outcome=Ends(code=75, words="Provider returned"),
    ),
    Zoo(name="always_garbled", answer=lambda *_: Answer(body=b"\xff\xfe{"), outcome=Ends(code=75, words="not JSON")),
]
ALL_ROWS = [
    Zoo(
        name="all_rows_403",
        answer=for_rows(refusal(403, "moderation")),
        outcome=Ends(code=2, words="moderation", after=True),
    ),
    Zoo(name="all_rows_500", answer=for_rows(refusal(500, "boom")), outcome=Ends(code=75, words="boom", after=True)),
]
BAD_ROWS = [
    Zoo(name="row_500", answer=for_the_bad_row(refusal(500, "boom")), outcome=Rejected(words="boom")),
    Zoo(name="row_502", answer=for_the_bad_row(refusal(502, "bad gateway")), outcome=Rejected(words="bad gateway")),
    Zoo(name="row_429", answer=for_the_bad_row(refusal(429, "too large")), outcome=Rejected(words="too large")),
    Zoo(
        name="row_cut",
        answer=for_the_bad_row(Answer(body={"choices": [1, 2, 3]}, cut=True)),
        outcome=Rejected(words="peer closed"),
    ),
    Zoo(
        name="row_garbled",
        answer=for_the_bad_row(Answer(body=b'{"choices": ["\xff\xfe')),
        outcome=Rejected(words="not JSON"),
    ),
    Zoo(name="row_no_choices", answer=for_the_bad_row_alone(NO_CHOICES), outcome=Rejected(words="has no choices")),
    Zoo(
        name="row_no_choices_at_all",
        answer=for_the_bad_row_alone(Answer(body={"id": "x"})),
        outcome=Rejected(words="has no choices"),
    ),
    Zoo(
        name="row_web_page",
        answer=for_the_bad_row_alone(Answer(body=b"<html></html>")),
        outcome=Rejected(words="a web page"),
    ),
    Zoo(name="row_403", answer=for_the_bad_row(refusal(403, "moderation")), outcome=Rejected(words="moderation")),
    Zoo(name="row_418", answer=for_the_bad_row(refusal(418, "teapot")), outcome=Rejected(words="teapot")),
    Zoo(name="row_400", answer=for_the_bad_row(refusal(400, "filtered text")), outcome=Rejected(words="filtered text")),
    Zoo(
        name="row_error_in_200",
        answer=for_the_bad_row(Answer(body=IN_A_200)),
        outcome=Rejected(words="Provider returned"),
    ),
    Zoo(
        name="row_too_long",
        answer=for_the_bad_row(refusal(400, "maximum context length is 5", code="context_length_exceeded")),
        outcome=Rejected(words="context length", reason="too_long"),
    ),
]
DIALECTS = [
    Zoo(
        name="seed_31_bits",
        answer=unless(lambda body: body["seed"] < 2**31, refusal(400, "Invalid value at seed (TYPE_INT32)")),
        outcome=Kept(),
    ),
    Zoo(
        name="n_at_most_1",
        answer=unless(lambda body: body["n"] == 1, refusal(400, "'n' : number must be at most 1")),
        outcome=Kept(),
    ),
    Zoo(
        name="n_501",
        answer=unless(lambda body: body["n"] == 1, refusal(501, "n > 1 is not implemented")),
        outcome=Kept(),
    ),
    Zoo(
        name="n_best_of",
        answer=unless(lambda body: body["n"] == 1, refusal(422, "`seed` must not be set when `best_of` > 1")),
        outcome=Kept(),
    ),
    Zoo(
        name="no_seed",
        answer=unless(lambda body: "seed" not in body, Answer(status=422, body=EXTRA_SEED)),
        outcome=Kept(),
    ),
    Zoo(
        name="no_max_tokens",
        answer=unless(lambda body: "max_completion_tokens" in body, refusal(400, NO_MAX_TOKENS)),
        outcome=Kept(),
    ),
    Zoo(
        name="no_top_p",
        answer=unless(lambda body: "top_p" not in body, refusal(400, "temperature and top_p cannot both be specified")),
        outcome=Kept(),
    ),
    Zoo(
        name="no_temperature",
        answer=unless(
            lambda body: "temperature" not in body,
            refusal(400, "Unsupported value: 'temperature' does not support 0.7"),
        ),
        outcome=Kept(),
    ),
    Zoo(
        name="all_fixed",
        answer=unless(
            lambda body: body.get("n") == 1 and not {"temperature", "top_p"} & set(body),
            refusal(400, "temperature, top_p and n are fixed at 1"),
        ),
        outcome=Kept(),
    ),
    Zoo(
        name="n_ignored",
        answer=lambda body, _: said({**body, "n": 1}),
        outcome=Kept(),
    ),
    Zoo(
        name="a_value_that_is_refused",
        answer=lambda *_: refusal(400, "max_tokens must be at most 10"),
        outcome=Ends(code=2, words="max_tokens must be at most 10"),
    ),
]
CONTENTS = [
    Zoo(
        name="thinking_blocks",
        answer=content(lambda text: [*THINKING, {"type": "text", "text": text}]),
        outcome=Kept(thought=True),
    ),
    Zoo(name="content_object", answer=content(lambda text: {"type": "output_text", "text": text}), outcome=Kept()),
    Zoo(
        name="content_parts",
        answer=content(lambda text: [{"type": "text", "text": text[:9]}, text[9:]]),
        outcome=Kept(),
    ),
    Zoo(name="think_tags", answer=content(lambda text: f"<think>{TRAPS}</think>\n{text}"), outcome=Kept(thought=True)),
    Zoo(
        name="think_without_opening",
        answer=content(lambda text: f"{TRAPS}\n</think>\n{text}"),
        outcome=Kept(thought=True),
    ),
    Zoo(
        name="reasoning_content",
        answer=lambda body, _: said(body, reasoning_content=lambda _: TRAPS),
        outcome=Kept(thought=True),
    ),
    Zoo(name="reasoning", answer=lambda body, _: said(body, reasoning=lambda _: TRAPS), outcome=Kept(thought=True)),
    Zoo(
        name="thought_without_an_answer",
        answer=content(lambda _: f"<think>{TRAPS}</think> It can be answered, so yes it is 4."),
        outcome=AllRejected(reasons=NO_ANSWER),
    ),
    Zoo(name="stream", answer=stream, outcome=Kept(thought=True)),
]
MODELS = [
    Zoo(name="models_bare", answer=well, models=Answer(body=[{"id": "m"}]), outcome=Kept()),
    Zoo(name="models_html", answer=well, models=Answer(body=b"<html></html>"), outcome=Kept()),
    Zoo(name="models_403", answer=well, models=refusal(403, "no right to list"), outcome=Kept()),
    Zoo(name="models_latest", answer=well, models=Answer(body={"data": [{"id": "m:latest"}]}), outcome=Kept()),
    Zoo(
        name="model_unknown",
        answer=lambda *_: refusal(404, "no such model", code="model_not_found"),
        outcome=Ends(code=2, words="does not serve the model 'm'"),
    ),
]
LASTING = [
    Zoo(
        name="quota",
        answer=lambda *_: Answer(
            status=429, body={"error": {"message": "pay", "type": "insufficient_quota", "code": 429}}
        ),
        outcome=Ends(code=2, words="HTTP 429: pay"),
    ),
    Zoo(name="quota_402", answer=lambda *_: refusal(402, "payment required"), outcome=Ends(code=2, words="HTTP 402")),
    Zoo(
        name="key_401",
        answer=lambda *_: refusal(401, "who?"),
        outcome=Ends(code=2, words=f"the environment variable {KEY}"),
    ),
    Zoo(
        name="key_403",
        answer=lambda *_: refusal(403, "no"),
        outcome=Ends(code=2, words=f"the environment variable {KEY}"),
    ),
    Zoo(name="web_page", answer=lambda *_: Answer(body=b"<!doctype html>"), outcome=Ends(code=2, words="a web page")),
    Zoo(name="no_chat", answer=lambda *_: Answer(body={"status": "ok"}), outcome=Ends(code=2, words="has no choices")),
    Zoo(name="without_v1", path="", answer=well, outcome=Ends(code=2, words="/v1")),
    Zoo(
        name="whole_url",
        path="/v1/chat/completions",
        answer=well,
        outcome=Ends(code=2, words="give the base URL"),
    ),
    Zoo(
        name="redirect",
        answer=lambda *_: Answer(status=307, headers=(("Location", "/elsewhere/v1/chat/completions?key=1"),)),
        outcome=Ends(code=2, words="/elsewhere/v1"),
    ),
]
ENVIRONMENTS = [
    Zoo(name="key_with_a_newline", answer=well, environment={KEY: "sk-abcdef\n"}, outcome=Kept()),
    Zoo(
        name="key_of_two_lines",
        answer=well,
        environment={KEY: "sk-abc\ndef"},
        outcome=Ends(code=2, words="set the variable to the key alone"),
    ),
    Zoo(name="no_proxy_v6", answer=well, environment={"NO_PROXY": "localhost,::1,fe80::/10"}, outcome=Kept()),
    Zoo(name="no_proxy_brackets", answer=well, environment={"NO_PROXY": "localhost,[::1]"}, outcome=Kept()),
    Zoo(
        name="no_proxy_network",
        answer=well,
        environment={"NO_PROXY": "127.0.0.0/8", "HTTP_PROXY": "http://127.0.0.1:9"},
        outcome=Kept(),
    ),
    Zoo(
        name="socks_proxy",
        answer=well,
        environment={"ALL_PROXY": "socks5://user:pa55word@127.0.0.1:9"},
        outcome=Ends(code=2, words="ALL_PROXY names a SOCKS proxy, which needs the package socksio"),
    ),
]
ZOO = [*ENDINGS, *PASSING, *ALL_ROWS, *BAD_ROWS, *DIALECTS, *CONTENTS, *MODELS, *LASTING, *ENVIRONMENTS]
